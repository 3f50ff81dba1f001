package document

import (
	"slices"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// certificates reads what proves an owner over TLS: each a thumbprint or one name.
func (r *reader) certificates(into *[]*ClientCertificate) func(value) {
	return r.list(func(v value) {
		e := &ClientCertificate{At: v.at}
		given := 0
		name := func(kind store.CertificateName) func(value) {
			check := func(s string) error { return registry.CheckCertificateName(kind, s) }
			return func(v value) {
				given, e.NameType = given+1, kind
				r.text(&e.Name, check)(v)
			}
		}
		all := fields{"thumbprint": func(v value) {
			given++
			parsed(r, &e.Thumbprint, registry.ParseThumbprint)(v)
		}}
		for _, kind := range []store.CertificateName{store.SubjectName, store.DNSName, store.URIName, store.EmailName, store.IPName} {
			all[string(kind)] = name(kind)
		}
		r.object(v, all)
		if given != 1 {
			r.fail(v.at, "expected one of thumbprint, subject_dn, san_dns, san_uri, san_email and san_ip, got %d", given)
			return
		}
		if slices.ContainsFunc(*into, e.same) {
			r.fail(v.at, "expected each certificate once, got one again")
			return
		}
		*into = append(*into, e)
	})
}

func (c *ClientCertificate) same(other *ClientCertificate) bool {
	return c.Thumbprint == other.Thumbprint && c.NameType == other.NameType && c.Name == other.Name
}
