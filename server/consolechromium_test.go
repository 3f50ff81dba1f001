package server_test

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/x509"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/chromium"
	"github.com/postern-auth/postern/server/internal/console"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// chosenNames are names that people may choose, and that no page may take for anything else, or break by.
var chosenNames = []string{
	`"><img src=x onerror=alert(1)> خدمة الطلبات ` + strings.Repeat("Donaudampfschifffahrtsgesellschaft", 4),
	`</title><script>alert(1)</script>`,
}

// reasons are those of refusals, one for each of chosenNames.
var reasons = []string{"audience-mismatch", "token-expired"}

// seedNames makes one of each kind of thing for each of chosenNames, first in the order of lists.
func (w *world) seedNames() {
	w.t.Helper()
	ctx := w.t.Context()
	private, err := x509.ParsePKCS8PrivateKey(signingKeys()[0].PrivateKey)
	w.must(err)
	public, err := x509.MarshalPKIXPublicKey(private.(crypto.Signer).Public())
	w.must(err)
	for n, name := range chosenNames {
		id := fmt.Sprint("n", n)
		role := store.Role{Key: "role:" + id, Name: name}
		w.must(w.store.PutProject(ctx, store.Project{ID: "p-" + id, OrganizationID: "org", Name: name, Active: true, CreatedAt: start, Roles: []store.Role{role}}))
		w.must(w.store.PutAPI(ctx, store.API{
			ID: "a-" + id, ProjectID: "p-" + id, Name: name, ClientID: id + "@names", Identifier: "https://" + strings.Repeat("long.", 40) + "example.com/" + id,
			Permissions: []store.Permission{{Key: "<b>:" + id, Name: name}}, Active: n%2 == 0, CreatedAt: start,
		}))
		w.secret(store.APIClient, "a-"+id, id)
		w.must(w.store.PutServiceUser(ctx, store.ServiceUser{ID: "su-" + id, OrganizationID: "org", Username: "a-robot-" + id, Name: name, Active: n%2 == 0, CreatedAt: start}))
		w.secret(store.ServiceUserClient, "su-"+id, "su-"+id)
		w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "su-" + id, ProjectID: "p-" + id, Rights: []string{role.Key}}))
		w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "su-" + id, APIID: "a-" + id, Rights: []string{"<b>:" + id}}))
		w.must(w.store.CreateToken(ctx, store.Token{ID: "pat-" + id, Kind: store.PersonalAccessToken, SubjectID: "su-" + id, ClientID: "a-robot-" + id, Name: name, IssuedAt: start}))
		w.must(w.store.CreateClientKey(ctx, store.ClientKey{ID: "key-" + id, Owner: store.Owner{Kind: store.ServiceUserClient, ID: "su-" + id}, PublicKey: public, CreatedAt: start}))
		w.must(w.store.PutUser(ctx, store.User{ID: "u-" + id, OrganizationID: "org", Handle: store.UserHandle{100, byte(n)}, LoginName: "a-person-" + id, Name: name, Active: n%2 == 0, CreatedAt: start}))
		w.enrol("u-" + id)
		w.must(w.store.CreateSession(ctx, store.Digest{}, store.Session{
			Digest: store.Digest{100, byte(n)}, ID: "s-" + id, UserID: "u-" + id, UserAgent: name, CreatedAt: start, LastSeenAt: start, IdleExpiresAt: start.Add(time.Hour), ExpiresAt: start.Add(time.Hour),
		}))
		w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-" + id, ProjectID: "p-" + id, Rights: []string{role.Key}}))
		w.must(w.store.PutApplication(ctx, store.Application{
			ID: "app-" + id, ProjectID: "p-" + id, Name: name, ClientID: "app-" + id, Type: store.WebApplication, Active: n%2 == 0, CreatedAt: start,
			RedirectURIs: []string{"https://example.com/cb"}, Grants: []string{"authorization_code"}, IDTokenClaims: store.FullClaims,
		}))
		w.secret(store.ApplicationClient, "app-"+id, "app-"+id)
		w.must(w.store.CreateClientKey(ctx, store.ClientKey{ID: "app-key-" + id, Owner: store.Owner{Kind: store.ApplicationClient, ID: "app-" + id}, PublicKey: public, CreatedAt: start}))
		w.must(w.store.AddEvent(ctx, store.Event{ID: secret.NewID(), At: start, Actor: "u-mia", Action: "change", Object: "project", ObjectID: "p-" + id, Name: name, Detail: `{"name":"<i>"}`}))
		w.must(w.store.AddRefusal(ctx, store.Refusal{
			ID: secret.NewID(), Decision: fmt.Sprintf("ABCDEFGHIJKLMNO%d", 2+n), At: start, Where: name, Reason: "audience-mismatch", Detail: name,
			APIID: "a-" + id, ClientID: name, Issuer: "https://elsewhere.example.com/", Audience: []string{name}, KeyID: name,
		}))
		w.must(w.store.AddCount(ctx, store.Count{Hour: start.Add(-time.Duration(n) * time.Hour), Number: 100 + n}))
		w.must(w.store.AddCount(ctx, store.Count{Hour: start, Reason: reasons[n], Number: 10 + n}))
	}
}

var consoleLink = regexp.MustCompile(`<a [^>]*href="(/console[^"]*)"`)

// crawl follows the links of the console from its first page and a search on, to one address of each page of its table: that of the
// thing that comes first in lists. It returns the addresses, and the pages to which no link leads.
func (w *world) crawl() (paths, unreached []string) {
	w.t.Helper()
	mux := http.NewServeMux()
	waiting := make(map[string]bool) // pages, by their patterns
	for _, route := range console.New(console.Config{}).Routes() {
		pattern := string(route.Endpoint.ZITADEL)
		if strings.Contains(route.Methods, "GET") && !strings.Contains(pattern, "/first/") {
			mux.Handle("GET "+pattern, http.NotFoundHandler())
			waiting["GET "+pattern] = true
		}
	}
	b := w.administrates()
	asked := make(map[string]bool)
	for found := []string{"/console/", "/console/find?q=onerror"}; len(found) > 0; found = found[1:] {
		path := found[0]
		_, pattern := mux.Handler(httptest.NewRequest("GET", path, nil))
		if asked[path] || pattern != "" && !waiting[pattern] {
			continue
		}
		asked[path] = true
		delete(waiting, pattern)
		a := b.ask(http.MethodGet, path, nil)
		if a.status != http.StatusOK {
			w.t.Errorf("a link leads to %s, which answers %d", path, a.status)
			continue
		}
		if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			continue // a download
		}
		paths = append(paths, path)
		for _, link := range consoleLink.FindAllStringSubmatch(a.body, -1) {
			to, _, _ := strings.Cut(html.UnescapeString(link[1]), "#")
			found = append(found, to)
		}
	}
	for pattern := range waiting {
		unreached = append(unreached, strings.TrimPrefix(pattern, "GET "))
	}
	slices.Sort(unreached)
	return paths, unreached
}

// What a page weighs, with all that is on it: names of the longest kind, a key file, fifty rows.
func TestPagesOfTheConsoleAreLight(t *testing.T) {
	w := newConsoleWorld(t)
	w.seedNames()
	for n := range 120 {
		w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: fmt.Sprint("su-", n), Username: fmt.Sprintf("robot-%03d", n), OrganizationID: "org", Active: true, CreatedAt: start}))
	}
	b := w.administrates()
	compressed := func(body string) int {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, err := z.Write([]byte(body))
		w.must(err)
		w.must(z.Close())
		return out.Len()
	}
	css := regexp.MustCompile(`href="(/static/style[^"]*)"`).FindStringSubmatch(b.open("/console/").body)
	if css == nil {
		t.Fatal("no stylesheet")
	}
	sheet := compressed(b.ask(http.MethodGet, css[1], nil).body)
	var heaviest, whole int
	var name string
	weigh := func(path, body string) {
		size, n := compressed(body)+sheet, len(body)
		if size > 20_000 || n > 60_000 {
			t.Errorf("%s: %d bytes, %d compressed with its CSS, want at most 60,000 and 20,000", path, n, size)
		}
		if size > heaviest {
			heaviest, whole, name = size, n, path
		}
	}
	paths, _ := w.crawl()
	for _, path := range paths {
		weigh(path, b.ask(http.MethodGet, path, nil).body)
	}
	api := w.apiNamed("messages")
	api.Form = store.FormAuth0Permissions // whose tokens have servers in three languages beside the calls in ten
	w.must(w.store.PutAPI(t.Context(), api))
	tried := b.posts("/console/apis/a-messages/test", "who", "robot", "address", "https://messages.example.com/")
	tried.tells(t, 200, "messages", "The token", "Protect a route with it", "Call the API")
	weigh("the tab Test with a token", tried.body)
	t.Logf("the heaviest of %d pages is %s: %d bytes, %d compressed with its CSS of %d", len(paths), name, whole, heaviest, sheet)
}

// Every page of the console to which links lead, as an administrator sees it where people have chosen nasty names.
// POSTERN_PICTURES names a folder in which the test leaves a picture of each, to be looked at.
func TestConsoleInChromium(t *testing.T) {
	browser := chromium.Path(t)
	w := newConsoleWorld(t)
	w.seedNames()
	paths, unreached := w.crawl()
	// The address without a slash only leads to the one with it, and a stream is for a script.
	if diff := cmp.Diff([]string{"/console", "/console/events/live"}, unreached); diff != "" {
		t.Errorf("pages to which no link leads (-want +got):\n%s", diff)
	}
	if len(paths) < 20 || len(paths) > 120 {
		t.Fatalf("%d pages: %q", len(paths), paths)
	}
	chromium.Look(t, "console.mjs", strings.Join(paths, "\n"), 3*len(paths), w.issuer, browser, "mia", miaPassword, os.Getenv("POSTERN_PICTURES"))
}
