package postern_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/postern-auth/postern"

// A rule says what the packages that fit a pattern may import.
type rule struct {
	pattern string
	may     []string
	because string
}

// rules say what each package may import of the packages of this module and of others. The first rule
// that fits a package is the one that counts. A pattern that ends in /... fits the packages below too.
var rules = []rule{
	{"internal/claims", nil, "the strict reader stands on the standard library alone"},
	{"internal/jws", []string{"internal/ascii", "internal/claims"}, "a JWS is cryptography around strict JSON"},
	{"internal/fetch", nil, "HTTP within bounds knows nothing of tokens"},
	{"internal/tokencache", nil, "a table of raw tokens knows nothing of what they say"},
	{"internal/clock", nil, "tells the time"},
	{"internal/inspect", []string{"internal/claims", "internal/jws"}, "what is wrong with a token, in no words: the programs have those"},
	{"internal/metadata", []string{"internal/claims", "internal/fetch", "internal/jws"}, "published documents and keys are fetched and read strictly"},
	{"internal/keyset", []string{"internal/claims", "internal/jws", "internal/wholefile"}, "keys are kept here; who fetches them says how"},
	{"internal/scope", nil, "one syntax"},
	{"internal/ascii", nil, "folds letters"},
	{"internal/wholefile", nil, "a file knows nothing of what is in it"},
	{"internal/reason", nil, "an error knows nothing of what it is about"},
	{"internal/vectors", nil, "finds test vectors"},
	{"internal/chromium", nil, "starts a browser"},
	{"internal/postgrestest", nil, "starts a database"},
	{"internal/hops", nil, "what proxies say is text"},
	{"internal/opaque", nil, "the form of Postern's opaque tokens, for who makes them and who recognises them"},
	{"internal/mutation", nil, "tests alone, of the packages' tests"},
	{".", []string{"internal/claims", "internal/jws", "internal/scope"}, "the nouns need to read a claim and to see an issuer and a scope, and no more"},
	{"internal/facts", []string{".", "internal/claims"}, "claims become a Token's data"},
	{"jwt", []string{".", "internal/..."}, "a Verifier"},
	{"jwt/fastrsa", []string{"internal/jws", "filippo.io/bigmod"}, "the one place that knows this arithmetic; docs/decisions/009-fastrsa.md"},
	{"clientauth", []string{"internal/claims", "internal/jws"}, "assertions are signed"},
	{"introspection", []string{".", "clientauth", "internal/..."}, "a Verifier that authenticates itself"},
	{"dpop", []string{".", "internal/..."}, "a Binding"},
	{"mtls", []string{".", "internal/..."}, "a Binding"},
	{"preset", []string{".", "jwt", "introspection", "clientauth"}, "settings of the Verifiers"},
	{"serviceuser", []string{"clientauth", "internal/...", "golang.org/x/oauth2"}, "the one library package that shows a third party's type, the one that all of Go uses for this"},
	{"posterntest", []string{".", "jwt", "introspection", "clientauth", "dpop", "mtls", "preset", "serviceuser", "internal/...", "testing", "net/http/httptest"}, "users' tests"},

	{"internal/environ", []string{"github.com/joho/godotenv"}, "programs read .env; the library reads no environment"},
	{"internal/roots", nil, "programs choose their authorities; the library takes an http.Client"},
	{"internal/localca", nil, "certificates for one machine"},
	{"internal/httpd", nil, "bounded serving knows no handler"},
	{"internal/look", nil, "one stylesheet for all pages"},

	{"server/store", nil, "types and interfaces"},
	{"server/store/storetest", []string{"server/store", "testing", "github.com/google/go-cmp/..."}, "one suite for all engines"},
	{"server/store/internal/sqlstore", []string{"server/store"}, "the SQL of the nouns knows no engine"},
	{"server/store/sqlite/...", []string{"server/store", "server/store/internal/sqlstore", "modernc.org/sqlite/...", "github.com/pressly/goose/v3/..."}, "the only place that knows this engine"},
	{"server/store/postgres/...", []string{"server/store", "server/store/internal/sqlstore", "github.com/jackc/pgx/v5/...", "github.com/pressly/goose/v3/..."}, "the only place that knows this engine"},
	{"server/store/migrate", []string{"server/store", "server/store/sqlite", "server/store/postgres"}, "what moves a store knows both engines"},
	{"server/internal/secret", []string{"server/store", "internal/opaque"}, "what is handed out once"},
	{"server/internal/oauth", nil, "the protocol's words, without HTTP"},
	{"server/internal/endpoint", []string{"server/internal/oauth", "internal/claims"}, "the kinds of endpoint: the protocol over HTTP"},
	{"server/internal/registry", []string{"server/internal/backchannel", "server/store", "server/internal/secret", "server/internal/oauth", "server/internal/keys", "server/internal/password", "server/internal/redirect", "internal/jws", "internal/scope"}, "the one writer of what is set up, whoever calls"},
	{"server/internal/password", []string{"golang.org/x/crypto/argon2", "golang.org/x/text/unicode/norm"}, "people's passwords alone are hashed slowly, and are typed on many keyboards"},
	{"server/internal/redirect", nil, "URIs are compared as text"},
	{"server/internal/document", []string{"server/store", "server/internal/oauth", "server/internal/registry", "internal/jws", "go.yaml.in/yaml/v4"}, "YAML becomes a document, which the registry's rules judge word by word"},
	{"server/setup", []string{"server/store", "server/internal/secret", "server/internal/registry", "server/internal/document", "server/internal/keyfile", "server/internal/password", "clientauth", "internal/jws"}, "a document becomes a plan over the registry"},
	{"server/internal/keys", []string{"server/internal/seal", "server/store", "server/internal/secret", "internal/jws"}, "signing keys are rows"},
	{"server/internal/rights", []string{"server/store", "server/internal/oauth"}, "who holds what, and what tells of it"},
	{"server/internal/clients", []string{"server/internal/sender", "server/store", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "internal/claims", "internal/jws"}, "clients are rows that authenticate"},
	{"server/internal/accesstoken", []string{"server/store", "server/internal/secret", "server/internal/oauth", "server/internal/keys", "server/internal/rights", "internal/claims", "internal/jws"}, "tokens are made and read in one place"},
	{"server/internal/grant", []string{"server/internal/sender", "server/store", "server/internal/secret", "server/internal/oauth", "server/internal/keys", "server/internal/rights", "server/internal/clients", "server/internal/accesstoken", "server/internal/endpoint", "server/internal/authorize", "server/internal/code", "server/internal/holding", "server/internal/idtoken", "server/internal/pkce", "server/internal/redirect", "internal/..."}, "a grant ends in a token"},
	{"server/internal/token", []string{"server/internal/tally", "server/internal/sender", "server/internal/oauth", "server/internal/endpoint", "server/internal/grant", "server/store", "server/internal/clients"}, "an endpoint over grants"},
	{"server/internal/sender", []string{".", "dpop", "mtls", "server/store", "server/internal/oauth", "server/internal/endpoint"}, "what a sender proves is checked as any API checks it"},
	{"server/internal/holding", []string{".", "server/internal/oauth", "server/store", "server/internal/rights", "server/internal/accesstoken"}, "what a token gives now, for the endpoint and for the server's own guard"},
	{"server/internal/introspect", []string{"server/internal/tally", "server/internal/keys", "internal/jws", "server/internal/oauth", "server/internal/endpoint", "server/store", "server/internal/rights", "server/internal/clients", "server/internal/accesstoken", "server/internal/holding"}, "an endpoint over what tokens give"},
	{"server/internal/revoke", []string{"server/internal/oauth", "server/internal/endpoint", "server/store", "server/internal/clients", "server/internal/accesstoken", "server/internal/secret"}, "an endpoint over tokens"},
	{"server/internal/code", []string{"server/store", "server/internal/secret", "server/internal/authorize"}, "what a person has allowed, as a row"},
	{"server/internal/usercode", nil, "eight letters"},
	{"server/internal/device", []string{"server/store", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "server/internal/clients", "server/internal/authorize", "server/internal/usercode"}, "an endpoint over requests that wait for a person"},
	{"server/internal/picture", []string{"server/store", "server/internal/oauth", "server/internal/endpoint", "server/internal/page"}, "letters on a colour"},
	{"server/internal/idtoken", []string{"server/store", "server/internal/picture", "server/internal/oauth", "server/internal/keys", "internal/jws"}, "a proof of a login, which no endpoint takes for a token"},
	{"server/internal/userinfo", []string{".", "server/store", "server/internal/oauth", "server/internal/endpoint", "server/internal/accesstoken", "server/internal/idtoken", "server/internal/keys", "server/internal/rights", "internal/jws"}, "an endpoint that is itself a guarded API"},
	{"server/internal/discovery", []string{"server/internal/oauth", "server/internal/endpoint", "server/internal/keys", "server/internal/idtoken", "internal/jws"}, "an endpoint over what is published"},
	{"server/internal/clientmetadata", []string{"server/store", "server/internal/oauth", "server/internal/redirect", "server/internal/registry", "internal/claims", "internal/jws"}, "what strangers say of themselves, by the registry's rules: no HTTP"},
	{"server/internal/letter", []string{"server/internal/registry", "server/store", "server/internal/secret", "server/internal/oauth", "server/internal/outbox", "server/internal/mail", "server/internal/notice", "server/internal/page", "server/internal/password", "server/internal/site"}, "words, a link and an address become a mail"},
	{"server/internal/mailbox", []string{"server/store", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "server/internal/letter", "server/internal/page", "server/internal/password", "server/internal/registry", "server/internal/session", "server/internal/site"}, "pages that are answered by reading one's mail"},
	{"server/internal/mail", nil, "SMTP and MIME: a mail knows nothing of what it is about"},
	{"server/internal/outbox", []string{"server/store", "server/internal/secret"}, "what is to be sent, whatever it is"},
	{"server/internal/tally", []string{".", "server/store", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "internal/inspect"}, "what is refused is counted where it is refused"},
	{"server/internal/backchannel", []string{"server/store", "server/internal/secret", "server/internal/keys", "server/internal/idtoken", "server/internal/outbox", "internal/fetch"}, "who ends a session writes down whom to tell; who tells them knows keys and HTTP"},
	{"server/internal/register", []string{"server/store", "server/internal/oauth", "server/internal/endpoint", "server/internal/clientmetadata", "server/internal/registry", "server/internal/secret", "internal/claims"}, "an endpoint over the registry"},
	{"server/internal/clientdocument", []string{"server/store", "server/internal/oauth", "server/internal/redirect", "server/internal/registry", "server/internal/clientmetadata", "internal/fetch"}, "the one place where a stranger's URL is called for a login"},
	{"server/internal/totp", nil, "HMAC and base32"},
	{"server/internal/qr", nil, "squares that cameras read"},
	{"server/internal/seal", nil, "ciphers of the standard library"},
	{"server/internal/notice", []string{"server/store"}, "what people are told, and not how"},
	{"server/internal/passkey", []string{"server/store", "github.com/go-webauthn/webauthn/..."}, "the only place that knows this library"},
	{"server/internal/browser", nil, "cookies know neither the store nor a page"},
	{"server/internal/pkce", nil, "a hash and its spelling"},
	{"server/internal/authorize", []string{"server/internal/oauth", "server/internal/pkce", "server/internal/redirect", "internal/scope"}, "what is asked and what comes next are values: no store, no HTTP, no pages"},
	{"server/internal/page", []string{"internal/look"}, "pages are values, words and a stylesheet; they know no store and no protocol"},
	{"server/internal/code", []string{"server/store", "server/internal/secret", "server/internal/authorize"}, "a code is a row with what was asked and allowed"},
	{"server/internal/session", []string{"server/internal/backchannel", "server/store", "server/internal/secret", "server/internal/endpoint", "server/internal/browser", "server/internal/password"}, "a cookie and a row are who is logged in"},
	{"server/internal/site", []string{"server/internal/oauth", "server/internal/endpoint", "server/internal/authorize", "server/internal/redirect", "server/internal/page"}, "pages and ways back as answers to requests; no store"},
	{"server/internal/hint", []string{"server/internal/oauth", "server/internal/keys", "internal/claims", "internal/jws"}, "an ID token that comes back, read by our own keys"},
	{"server/internal/logout", []string{"server/store", "server/internal/oauth", "server/internal/endpoint", "server/internal/authorize", "server/internal/redirect", "server/internal/browser", "server/internal/hint", "server/internal/session", "server/internal/site", "server/internal/page"}, "the one place where sessions end by a request"},
	{"server/internal/account", []string{"server/store", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "server/internal/authorize", "server/internal/browser", "server/internal/password", "server/internal/registry", "server/internal/session", "server/internal/site", "server/internal/page", "server/internal/totp", "server/internal/qr", "server/internal/passkey", "server/internal/seal", "server/internal/notice"}, "what a person changes of their own; who may is login's to say"},
	{"server/internal/keyfile", []string{"server/store", "clientauth"}, "a key in the form that clients read"},
	{"server/internal/snippet", []string{"server/internal/page"}, "code in colours"},
	{"server/internal/console", []string{"server/internal/tally", "server/internal/introspect", "server/internal/snippet", "clientauth", "internal/ascii", "internal/inspect", "internal/jws", "server/internal/accesstoken", "server/internal/holding", "server/internal/keyfile", "server/internal/keys", "server/store", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "server/internal/authorize", "server/internal/browser", "server/internal/registry", "server/internal/session", "server/internal/site", "server/internal/page", "server/internal/notice"}, "pages over the registry; who may is login's to say, and what they change the registry's"},
	{"server/internal/login", []string{"server/internal/clientdocument", "server/internal/sender", "server/store", "server/internal/hint", "server/internal/secret", "server/internal/oauth", "server/internal/endpoint", "server/internal/authorize", "server/internal/redirect", "server/internal/browser", "server/internal/password", "server/internal/clients", "server/internal/code", "server/internal/device", "server/internal/usercode", "server/internal/session", "server/internal/site", "server/internal/page", "server/internal/totp", "server/internal/passkey", "server/internal/seal", "server/internal/notice"}, "carries out what authorize decides: the one place where a person's answer becomes rows"},
	{"server", []string{"internal/fetch", ".", "mtls", "server/...", "internal/ascii", "internal/jws"}, "wiring"},

	{"examples/...", []string{".", "jwt", "introspection", "clientauth", "serviceuser", "preset", "examples/...", "internal/environ", "internal/roots", "internal/httpd", "internal/look"}, "what a user would import, and what our programs share"},
	{"cmd/postern/internal/metrics", []string{"server", "internal/httpd", "github.com/prometheus/client_golang/..."}, "the only place that knows Prometheus: who embeds the server is told by two functions"},
	{"cmd/...", []string{"...", "github.com/spf13/...", "golang.org/x/..."}, "programs put everything together"},
	{"interop/...", []string{"..."}, "foreign clients and servers against our programs"},
}

type listedPackage struct {
	ImportPath string
	Name       string
	Imports    []string
	Standard   bool
}

func listPackages(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Imports,Standard"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listedPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestPackagesImportOnlyWhatTheRulesAllow(t *testing.T) {
	packages := listPackages(t, "./...")
	if len(packages) < 10 {
		t.Fatalf("go list found %d packages", len(packages))
	}
	for _, p := range packages {
		name := relative(p.ImportPath)
		i := slices.IndexFunc(rules, func(r rule) bool { return fits(name, r.pattern) })
		if i < 0 {
			t.Errorf("%s has no rule: say in deps_test.go what it may import, and why", name)
			continue
		}
		for _, imported := range p.Imports {
			if !allowed(imported, rules[i].may) {
				t.Errorf("%s imports %s, which its rule does not allow (%s)", name, relative(imported), rules[i].because)
			}
		}
	}
}

// The library's promise: who imports it takes nothing else on than x/oauth2, and that only for serviceuser.
func TestLibraryNeedsNothingButTheStandardLibraryAndOAuth2(t *testing.T) {
	args := []string{"-deps"}
	for _, name := range []string{".", "jwt", "introspection", "dpop", "mtls", "preset", "clientauth", "serviceuser", "posterntest"} {
		if name != "." {
			name = "./" + name
		}
		args = append(args, name)
	}
	for _, p := range listPackages(t, args...) {
		if !p.Standard && !strings.HasPrefix(p.ImportPath, module) && p.ImportPath != "golang.org/x/oauth2" && p.ImportPath != "golang.org/x/oauth2/internal" {
			t.Errorf("the library needs %s", p.ImportPath)
		}
	}
}

// Who does not import jwt/fastrsa compiles nothing of it: no library package and no example does.
func TestOnlyProgramsThatAskForFastRSACompileIt(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{range .Deps}}{{if eq . "filippo.io/bigmod"}}{{$.ImportPath}}{{end}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	want := []string{module + "/cmd/postern", module + "/jwt/fastrsa"}
	if got := strings.Fields(string(out)); !slices.Equal(got, want) {
		t.Errorf("%q need filippo.io/bigmod, want %q alone", got, want)
	}
}

// allowed reports whether an import is of the standard library or fits one of the patterns.
// testing and httptest count as no part of the standard library: they belong into tests.
func allowed(imported string, patterns []string) bool {
	testOnly := imported == "testing" || imported == "net/http/httptest"
	domain, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(domain, ".") && !testOnly {
		return true
	}
	name := relative(imported)
	return slices.ContainsFunc(patterns, func(pattern string) bool { return fits(name, pattern) })
}

func fits(name, pattern string) bool {
	if pattern == "..." {
		return !strings.Contains(name, ".") || name == "."
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	return name == pattern
}

// relative returns a package of this module by its folder.
func relative(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}
