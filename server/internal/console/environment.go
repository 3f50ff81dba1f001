package console

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// dialect returns the server's issuer of a dialect: that of the request, if it is one, else the first. Empty: none.
func (c *Console) dialect(v *visit, auth0 bool) oauth.Issuer {
	if v.Issuer.IsAuth0() == auth0 {
		return v.Issuer
	}
	for _, issuer := range c.Issuers {
		if oauth.Issuer(issuer).IsAuth0() == auth0 {
			return oauth.Issuer(issuer)
		}
	}
	return ""
}

// environment is the file with the variables of all samples for an API. The secret is in it when it is made and never
// again.
func (c *Console) environment(v *visit, a store.API, clientSecret, keyFile string) string {
	var b strings.Builder
	line := func(name, value string) {
		if quoted, ok := quote(value); ok {
			fmt.Fprintf(&b, "%s=%s\n", name, quoted)
		} else {
			fmt.Fprintf(&b, "#%s=\n", name)
		}
	}
	fmt.Fprint(&b, "# For an API that asks the server about each token (zitadel-api).\n")
	zitadel := c.dialect(v, false)
	line("ZITADEL_DOMAIN", string(zitadel))
	if zitadel != "" {
		line("ZITADEL_INTROSPECTION_URL", zitadel.URL(oauth.IntrospectionEndpoint.ZITADEL))
	}
	line("PROJECT_ID", a.ProjectID)
	line("API_CLIENT_ID", a.ClientID)
	switch {
	case keyFile != "":
		line("API_PRIVATE_KEY_FILE", keyFile)
	case clientSecret != "":
		line("API_CLIENT_SECRET", clientSecret)
	default:
		fmt.Fprint(&b, "# The client secret was shown when it was made and cannot be shown again: write it here, or name the key file.\n"+
			"#API_CLIENT_SECRET=\n#API_PRIVATE_KEY_FILE=\n")
	}
	fmt.Fprint(&b, "\n# For an API that checks tokens by itself (hello-world, auth0-quickstart).\n")
	line("AUTH0_DOMAIN", domain(c.dialect(v, true)))
	line("AUTH0_AUDIENCE", a.Identifier)
	line("API_IDENTIFIER", a.Identifier)
	line("CLIENT_ORIGIN_URL", "http://localhost:4040")
	return b.String()
}

// domain is what the samples call an issuer: its host, but a whole URL where it is not https.
func domain(issuer oauth.Issuer) string {
	u, err := url.Parse(string(issuer))
	if err == nil && u.Scheme == "https" {
		return u.Host
	}
	return strings.TrimSuffix(string(issuer), "/")
}

// quote writes a value so that neither a shell nor a reader of such files sees more in it than text; false: there is
// none, or it cannot be written so.
func quote(value string) (string, bool) {
	plain := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._~:/@+,%=", c)
	}
	switch {
	case value == "" || strings.ContainsAny(value, "'\n\r\\"):
		return "", false
	case strings.IndexFunc(value, func(c rune) bool { return !plain(c) }) < 0:
		return value, true
	}
	return "'" + value + "'", true
}

// fileName is a name for a file of something that people have named.
func fileName(name, ending string) string {
	slug := slugged(name)
	if slug == "" {
		slug = "api"
	}
	return slug + ending
}

// slugged returns a name as programs take one.
func slugged(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 60 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
