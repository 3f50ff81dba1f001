package clientmetadata

import (
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
)

// CheckOrigins refuses metadata whose addresses are not all of one house. That house is the origin of the document that
// the metadata are in; where there is none, it is what the client returns to. Beside it there is the person's own
// device: a loopback address, or a private scheme.
//
// Else a client could have people sent to somebody else's site after a logout, or have that site called, by a server
// that they trust.
func (m *Metadata) CheckOrigins(document string) error {
	h := m.house(document)
	for _, uri := range m.RedirectURIs {
		if !h.has(uri) {
			return &oauth.Error{Code: InvalidRedirectURI, Text: plain("redirect_uris: expected an address of %s, or one of the person's own device, got %s", h, oauth.Quote(uri))}
		}
	}
	for _, uri := range m.LogoutURIs {
		if !h.has(uri) {
			return refuse("post_logout_redirect_uris: expected an address of %s, got %s", h, oauth.Quote(uri))
		}
	}
	if uri := m.BackchannelLogoutURI; uri != "" && !h.isOrigin(uri) {
		return refuse("backchannel_logout_uri: expected an address of %s, got %s", h, oauth.Quote(uri))
	}
	for _, name := range describing {
		if uri := m.about[name]; uri != "" && !h.isOrigin(uri) {
			return refuse("%s: expected an address of %s, got %s", name, h, oauth.Quote(uri))
		}
	}
	return nil
}

// house is where all addresses of a client are.
type house struct {
	origins []string
	schemes []string // private ones
	device  bool     // loopback addresses are among them
	// domain turned round begins the private schemes that may be registered; empty: any.
	domain string
}

func (m *Metadata) house(document string) house {
	if document != "" {
		return house{origins: []string{document}, device: true, domain: hostOf(document)}
	}
	var h house
	for _, uri := range m.RedirectURIs {
		switch {
		case redirect.IsLoopback(uri):
			h.device = true
		case redirect.IsWeb(uri):
			h.origins = append(h.origins, redirect.Origin(uri))
		default:
			h.schemes = append(h.schemes, redirect.Scheme(uri))
		}
	}
	if len(h.origins) == 0 && m.uri != "" {
		h.origins = append(h.origins, redirect.Origin(m.uri)) // a program on a device has its site elsewhere
	}
	return h
}

func (h house) has(uri string) bool {
	switch {
	case redirect.IsLoopback(uri):
		return h.device
	case redirect.IsWeb(uri):
		return h.isOrigin(uri)
	case h.domain != "":
		return ofDomain(strings.TrimSuffix(redirect.Scheme(uri), ":"), h.domain)
	}
	return slices.Contains(h.schemes, redirect.Scheme(uri))
}

func (h house) isOrigin(uri string) bool { return slices.Contains(h.origins, redirect.Origin(uri)) }

func (h house) String() string {
	if len(h.origins) == 0 {
		return "the person's own device"
	}
	const shown = 3
	if len(h.origins) > shown {
		return strings.Join(h.origins[:shown], ", ") + " and others"
	}
	return strings.Join(h.origins, ", ")
}

// ofDomain reports whether a private scheme is the domain turned round, perhaps with more behind it (RFC 8252 §7.1).
func ofDomain(scheme, domain string) bool {
	labels := strings.Split(domain, ".")
	slices.Reverse(labels)
	turned := strings.Join(labels, ".")
	return scheme == turned || strings.HasPrefix(scheme, turned+".")
}

// hostOf returns the host of an address, or its scheme when it is private.
func hostOf(uri string) string {
	if !redirect.IsWeb(uri) {
		return strings.TrimSuffix(redirect.Scheme(uri), ":")
	}
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
