package authorize

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/oauth"
)

const (
	issuer    = "https://login.example.com"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	thumb     = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

var received = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func application() Client {
	return Client{
		ID: "app", Type: Browser, RedirectURIs: []string{"https://app.example/cb", "https://app.example/cb?a=b", "com.example.app:/cb"},
		AllowedOrigins: []string{"https://app.example"},
	}
}

func arrival() Arrival { return Arrival{Issuer: issuer, Client: application(), At: received} }

// plain is the least that a browser application sends; a pair changes a parameter, and one with a - before
// its name takes it out.
func plain(pairs ...string) url.Values {
	values := url.Values{
		"client_id": {"app"}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"}, "state": {"xyz"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "scope": {"openid"},
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if removed, ok := strings.CutPrefix(name, "-"); ok {
			values.Del(removed)
			continue
		}
		values.Set(name, value)
	}
	return values
}

func TestParseReadsAllThatIsAsked(t *testing.T) {
	values := plain("response_mode=form_post", "nonce=n-0S6", "scope=email  openid email offline_access urn:zitadel:iam:org:project:id:17:aud urn:zitadel:iam:org:project:id:zitadel:aud",
		"prompt=login  consent login create", "max_age=3600", "acr_values=urn:x urn:postern:acr:phr http://schemas.openid.net/pape/policies/2007/06/multi-factor",
		"login_hint=mia@example.com", "ui_locales=se de-CH <b> en", "screen_hint=signup", "dpop_jkt="+thumb, "display=popup", "claims={}", "auth0Client=e30=")
	values["audience"] = []string{"https://api.example", ""}
	values["resource"] = []string{"https://mcp.example/a", "https://api.example"}
	values["foo"] = []string{"1", "2"}
	a := arrival()
	a.Hint, a.At = "mia", received.In(time.FixedZone("x", 3600))
	got, refusal := Parse(values, a)
	if refusal != nil {
		t.Fatalf("refused: %+v", refusal)
	}
	want := Request{
		Reply:    Reply{Issuer: issuer, RedirectURI: "https://app.example/cb", Mode: FormPost, State: "xyz"},
		ClientID: "app", Nonce: "n-0S6", Challenge: challenge,
		Scopes:  "email openid offline_access urn:zitadel:iam:org:project:id:17:aud urn:zitadel:iam:org:project:id:zitadel:aud",
		Targets: "https://api.example https://mcp.example/a 17", Prompt: "login consent", MaxAge: 3600,
		ACR: "urn:postern:acr:phr http://schemas.openid.net/pape/policies/2007/06/multi-factor", Hint: "mia", LoginHint: "mia@example.com",
		Locales: "se de-CH en", SignUp: true, DPoPKey: thumb, At: received,
	}
	if diff := cmp.Diff(want, got); diff != "" || got != want {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseOfTheLeast(t *testing.T) {
	got, refusal := Parse(plain("prompt=", "max_age=", "nonce=", "response_mode=", "audience=", "id_token_hint=", "request=", "request_uri=", "organization=", "-state", "-scope"), arrival())
	want := Request{
		Reply:    Reply{Issuer: issuer, RedirectURI: "https://app.example/cb", Mode: Query},
		ClientID: "app", Challenge: challenge, MaxAge: NoMaxAge, At: received,
	}
	if refusal != nil || got != want {
		t.Errorf("got %+v, %+v", got, refusal)
	}
}

func TestParseForThePage(t *testing.T) {
	for name, row := range map[string]struct {
		values url.Values
		client func(*Client)
		text   string // part of it
	}{
		"no client_id":                                          {plain("-client_id"), nil, "client_id is missing"},
		"an empty client_id":                                    {plain("client_id="), nil, "client_id is missing"},
		"two client_ids":                                        {url.Values{"client_id": {"app", "app"}, "redirect_uri": {"https://app.example/cb"}}, nil, "client_id is there more than once"},
		"another client_id than the client's":                   {plain("client_id=other"), nil, "no active application"},
		"no redirect_uri where several are":                     {plain("-redirect_uri"), nil, "redirect_uri is missing"},
		"no redirect_uri where one is registered":               {plain("-redirect_uri"), func(c *Client) { c.RedirectURIs = c.RedirectURIs[:1] }, "redirect_uri is missing"},
		"two redirect_uris":                                     {url.Values{"client_id": {"app"}, "redirect_uri": {"https://app.example/cb", "https://app.example/cb"}}, nil, "redirect_uri is there more than once"},
		"a redirect_uri that is not registered":                 {plain("redirect_uri=https://evil.example/cb"), nil, "not registered"},
		"a query added to the redirect_uri":                     {plain("redirect_uri=https://app.example/cb?x=y"), nil, "not registered"},
		"another query of the redirect_uri":                     {plain("redirect_uri=https://app.example/cb?a=c"), nil, "not registered"},
		"a client without redirect URIs":                        {plain(), func(c *Client) { c.RedirectURIs = nil }, "not registered"},
		"a port of the loopback for a browser application":      {plain("redirect_uri=http://127.0.0.1:5000/cb"), func(c *Client) { c.RedirectURIs = []string{"http://127.0.0.1/cb"} }, "not registered"},
		"a registered URI that never should have been one":      {plain("redirect_uri=javascript:alert(1)"), func(c *Client) { c.RedirectURIs = []string{"javascript:alert(1)"} }, "not registered"},
		"a FAPI client that did not push":                       {plain(), func(c *Client) { c.FAPI = true }, "has to push"},
		"a request object with a redirect URI nobody has":       {plain("request=eyJ", "redirect_uri=https://evil.example/cb"), nil, "not registered"},
		"an unknown response mode beside an unknown redirect":   {plain("response_mode=fragment", "redirect_uri=https://evil.example/cb"), nil, "not registered"},
		"web_message to a private scheme":                       {plain("response_mode=web_message", "redirect_uri=com.example.app:/cb"), nil, "allowed origins"},
		"web_message where null is among the allowed origins":   {plain("response_mode=web_message", "redirect_uri=com.example.app:/cb"), func(c *Client) { c.AllowedOrigins = []string{"null"} }, "allowed origins"},
		"web_message where the port of the allowed one differs": {plain("response_mode=web_message"), func(c *Client) { c.AllowedOrigins = []string{"https://app.example:8443"} }, "allowed origins"},
	} {
		t.Run(name, func(t *testing.T) {
			a := arrival()
			if row.client != nil {
				row.client(&a.Client)
			}
			got, refusal := Parse(row.values, a)
			if refusal == nil || !refusal.ForPage() || !strings.Contains(refusal.Text, row.text) || got != (Request{}) {
				t.Errorf("got %+v, refusal %+v", got, refusal)
			}
			if refusal != nil && refusal.Code != oauth.InvalidRequest {
				t.Errorf("code %s", refusal.Code)
			}
		})
	}
}

func TestParseForTheClient(t *testing.T) {
	long := strings.Repeat("a", 2049)
	for name, row := range map[string]struct {
		values url.Values
		code   oauth.Code
		text   string // part of it
		mode   Mode
	}{
		"no response_type":                       {plain("-response_type"), oauth.InvalidRequest, "response_type is missing", Query},
		"no response_type under form_post":       {plain("-response_type", "response_mode=form_post"), oauth.InvalidRequest, "response_type is missing", FormPost},
		"no response_type under web_message":     {plain("-response_type", "response_mode=web_message"), oauth.InvalidRequest, "response_type is missing", WebMessage},
		"response_mode fragment":                 {plain("response_mode=fragment"), oauth.InvalidRequest, "response_mode is not offered", Query},
		"response_mode jwt":                      {plain("response_mode=jwt"), oauth.InvalidRequest, "response_mode is not offered", Query},
		"response_mode in capitals":              {plain("response_mode=Form_Post"), oauth.InvalidRequest, "response_mode is not offered", Query},
		"form_post to a private scheme":          {plain("response_mode=form_post", "redirect_uri=com.example.app:/cb"), oauth.InvalidRequest, "needs a redirect_uri of https", Query},
		"an unknown mode beside an unknown type": {plain("response_mode=fragment", "response_type=token"), oauth.InvalidRequest, "response_mode is not offered", Query},
		"a request object":                       {plain("request=eyJhbGciOiJub25lIn0"), RequestNotSupported, "request objects are not offered", Query},
		"a request_uri of the client's":          {plain("request_uri=https://app.example/r"), RequestURINotSupported, "this server gave", Query},
		"an organization":                        {plain("organization=org_1"), oauth.InvalidRequest, "organizations are not offered", Query},
		"no challenge":                           {plain("-code_challenge", "-code_challenge_method"), oauth.InvalidRequest, "PKCE (RFC 7636) is required", Query},
		"a method without a challenge":           {plain("-code_challenge"), oauth.InvalidRequest, "PKCE (RFC 7636) is required", Query},
		"a challenge without a method":           {plain("-code_challenge_method"), oauth.InvalidRequest, "has to be S256", Query},
		"method plain":                           {plain("code_challenge_method=plain"), oauth.InvalidRequest, "has to be S256", Query},
		"method s256":                            {plain("code_challenge_method=s256"), oauth.InvalidRequest, "has to be S256", Query},
		"a nonce of 2,049 bytes":                 {plain("nonce=" + long), oauth.InvalidRequest, "nonce is longer", Query},
		"a nonce with a line break":              {plain("nonce=a\nb"), oauth.InvalidRequest, "nonce holds control", Query},
		"a nonce that is not UTF-8":              {plain("nonce=a\xff"), oauth.InvalidRequest, "nonce holds control", Query},
		"a scope with a quotation mark":          {plain(`scope=openid "`), oauth.InvalidScope, "does not allow", Query},
		"a scope with a tab":                     {plain("scope=openid\temail"), oauth.InvalidScope, "does not allow", Query},
		"a scope beyond ASCII":                   {plain("scope=läs"), oauth.InvalidScope, "does not allow", Query},
		"513 scopes":                             {plain("scope=" + strings.Repeat("a ", 512) + "b"), oauth.InvalidScope, "more than 512", Query},
		"a resource with a space":                {plain("resource=https://api.example/a b"), oauth.InvalidTarget, "none has", Query},
		"an audience with a line break":          {plain("audience=a\r\nb"), oauth.InvalidTarget, "none has", Query},
		"an audience of 2,049 bytes":             {plain("audience=" + long), oauth.InvalidTarget, "longer than any", Query},
		"17 resources":                           {with("resource", slices.Repeat([]string{"https://api.example"}, 17)), oauth.InvalidTarget, "more than 16", Query},
		"prompt none and login":                  {plain("prompt=none login"), oauth.InvalidRequest, "no other value", Query},
		"prompt none and an unknown one":         {plain("prompt=create none"), oauth.InvalidRequest, "no other value", Query},
		"max_age in words":                       {plain("max_age=soon"), oauth.InvalidRequest, "max_age is not", Query},
		"a negative max_age":                     {plain("max_age=-1"), oauth.InvalidRequest, "max_age is not", Query},
		"a max_age with a sign":                  {plain("max_age=+1"), oauth.InvalidRequest, "max_age is not", Query},
		"a max_age with a fraction":              {plain("max_age=1.0"), oauth.InvalidRequest, "max_age is not", Query},
		"a max_age beyond all numbers":           {plain("max_age=9223372036854775808"), oauth.InvalidRequest, "max_age is not", Query},
		"a dpop_jkt that is too short":           {plain("dpop_jkt=abc"), oauth.InvalidRequest, "dpop_jkt is not", Query},
		"a state twice":                          {with("state", []string{"xyz", "xyz"}), oauth.InvalidRequest, "state is there more than once", Query},
		"a response_mode twice":                  {with("response_mode", []string{"form_post", "form_post"}), oauth.InvalidRequest, "response_mode is there more than once", Query},
		"a scope twice":                          {with("scope", []string{"openid", ""}), oauth.InvalidRequest, "scope is there more than once", Query},
		"a response_type twice":                  {with("response_type", []string{"code", "token"}), oauth.InvalidRequest, "response_type is there more than once", Query},
		"a prompt twice":                         {with("prompt", []string{"login", "none"}), oauth.InvalidRequest, "prompt is there more than once", Query},
		"an id_token_hint twice":                 {with("id_token_hint", []string{"a", "b"}), oauth.InvalidRequest, "id_token_hint is there more than once", Query},
		"a code_challenge twice":                 {with("code_challenge", []string{challenge, challenge}), oauth.InvalidRequest, "code_challenge is there more than once", Query},
		"a state of 2,049 bytes":                 {plain("state=" + long), oauth.InvalidRequest, "state is longer", Query},
		"a state with a NUL":                     {plain("state=a\x00"), oauth.InvalidRequest, "state holds control", Query},
		"a state that is not UTF-8":              {plain("state=\xc3("), oauth.InvalidRequest, "state holds control", Query},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := Parse(row.values, arrival())
			if refusal == nil || refusal.ForPage() || got != (Request{}) {
				t.Fatalf("got %+v, refusal %+v", got, refusal)
			}
			if refusal.Code != row.code || !strings.Contains(refusal.Text, row.text) {
				t.Errorf("got %s, %q", refusal.Code, refusal.Text)
			}
			state := "xyz"
			if strings.HasPrefix(name, "a state") {
				state = "" // it does not come back whole, so not at all
			}
			want := Reply{Issuer: issuer, RedirectURI: row.values.Get("redirect_uri"), Mode: row.mode, State: state}
			if refusal.Reply != want {
				t.Errorf("reply %+v, want %+v", refusal.Reply, want)
			}
		})
	}
}

func with(name string, list []string) url.Values {
	values := plain()
	values[name] = list
	return values
}

func TestK1_K2_OtherHostsAreForThePage(t *testing.T) {
	a := arrival()
	a.Client.Type, a.Client.RedirectURIs = Native, []string{"https://app/", "http://localhost/cb"}
	for _, uri := range []string{
		"https://app@evil@app/", "https://app.evil", "http://localhost.evil/cb", "http://localhost@evil/cb", "http://127.1/cb", "http://[::ffff:127.0.0.1]/cb",
	} {
		if _, refusal := Parse(plain("redirect_uri="+uri), a); refusal == nil || !refusal.ForPage() || refusal.Asked != uri {
			t.Errorf("%s: %+v", uri, refusal)
		}
	}
	if r, refusal := Parse(plain("redirect_uri=http://localhost:51004/cb"), a); refusal != nil || r.RedirectURI != "http://localhost:51004/cb" {
		t.Errorf("a port of the loopback: %+v, %+v", r, refusal)
	}
}

func TestK8_ChallengesThatAreNotS256(t *testing.T) {
	for _, bad := range []string{challenge[:42], challenge + strings.Repeat("A", 86), challenge + "=", "+" + challenge[1:]} {
		if _, refusal := Parse(plain("code_challenge="+bad), arrival()); refusal == nil || refusal.ForPage() || refusal.Code != oauth.InvalidRequest {
			t.Errorf("%s: %+v", bad, refusal)
		}
	}
}

func TestS2_OnlyAConfidentialApplicationMayGoWithoutAChallenge(t *testing.T) {
	for name, row := range map[string]struct {
		client Client
		want   bool
	}{
		"a web application":                           {Client{Type: Web}, false},
		"a web application that is set so":            {Client{Type: Web, InsecureNoPKCE: true}, true},
		"a browser application that is set so":        {Client{Type: Browser, InsecureNoPKCE: true}, false},
		"a native application that is set so":         {Client{Type: Native, InsecureNoPKCE: true}, false},
		"an application of no type that is set so":    {Client{InsecureNoPKCE: true}, false},
		"a web application under FAPI that is set so": {Client{Type: Web, InsecureNoPKCE: true, FAPI: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := arrival()
			a.Client, a.PAR = row.client, "par"
			a.Client.ID, a.Client.RedirectURIs = "app", application().RedirectURIs
			if _, refusal := Parse(plain("-code_challenge", "-code_challenge_method"), a); (refusal == nil) != row.want {
				t.Errorf("without a challenge: %+v", refusal)
			}
			if _, refusal := Parse(plain("-code_challenge"), a); refusal == nil {
				t.Error("a method alone passes")
			}
			if r, refusal := Parse(plain(), a); refusal != nil || r.Challenge != challenge {
				t.Errorf("with a challenge: %+v", refusal)
			}
		})
	}
}

func TestK52_OtherResponseTypesAreRefusedInTheQuery(t *testing.T) {
	for _, kind := range []string{"token", "id_token", "code id_token", "none", "code token", "code code", "Code", " code"} {
		_, refusal := Parse(plain("response_type="+kind), arrival())
		if refusal == nil || refusal.ForPage() || refusal.Code != oauth.UnsupportedResponseType {
			t.Fatalf("%s: %+v", kind, refusal)
		}
		answer := refusal.Reply.Refuse(refusal.Code, refusal.Text, AfterGet)
		u, err := url.Parse(answer.URL)
		if err != nil || answer.Way != Location || u.Fragment != "" || u.Query().Get("error") != "unsupported_response_type" || u.Query().Get("state") != "xyz" || u.Query().Get("iss") != issuer {
			t.Errorf("%s: %+v", kind, answer)
		}
	}
}

func TestK59_TheDeveloperIsShownTheNearestURI(t *testing.T) {
	a := arrival()
	a.Client.RedirectURIs = []string{"https://other", "https://app"}
	_, refusal := Parse(plain("redirect_uri=https://app/"), a)
	if refusal == nil || !refusal.ForPage() || refusal.Asked != "https://app/" || refusal.Nearest != "https://app" {
		t.Errorf("got %+v", refusal)
	}
	_, refusal = Parse(plain("redirect_uri="+strings.Repeat("\xffa", 5000)), a)
	if refusal == nil || len(refusal.Asked) > 3*2048 || !strings.HasPrefix(refusal.Asked, "\uFFFDa") {
		t.Errorf("a long URI of broken text: %d bytes", len(refusal.Asked))
	}
}

// awkward are texts that some encoding on the way could change.
func awkward() []string {
	const signs = `%+="<>& '\;#?/😀é` + "\u2028\ufeff"
	long := strings.Repeat(signs, 100)
	long = strings.ToValidUTF8(long[:2048], "")
	return []string{signs, "%20", "+", " ", "&state=x", "a=b&c", "\"><script>alert(1)</script>", "</script><script>", long + strings.Repeat("x", 2048-len(long)), strings.Repeat("=", 384), strings.Repeat("z", 2048)}
}

func TestK64_StateAndNonceComeBackByteForByte(t *testing.T) {
	for _, text := range awkward() {
		for _, mode := range []Mode{Query, FormPost, WebMessage} {
			sent, err := url.ParseQuery(plain("state="+text, "nonce="+text, "response_mode="+string(mode)).Encode())
			if err != nil {
				t.Fatal(err)
			}
			r, refusal := Parse(sent, arrival())
			if refusal != nil {
				t.Fatalf("%.40q: %+v", text, refusal)
			}
			stored, err := r.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Unmarshal(stored)
			if err != nil || again != r || again.Nonce != text {
				t.Fatalf("%.40q: stored as %s: %v", text, stored, err)
			}
			if got := fieldsOf(t, again.Code("c", AfterGet)); got.Get("state") != text {
				t.Errorf("%s: got %q, want %q", mode, got.Get("state"), text)
			}
		}
	}
}

// fieldsOf returns what the client gets, whichever way.
func fieldsOf(t *testing.T, answer Answer) url.Values {
	t.Helper()
	if answer.Fields == nil {
		u, err := url.Parse(answer.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query()
	}
	values := make(url.Values)
	for _, field := range answer.Fields {
		values.Add(field.Name, field.Value)
	}
	return values
}

func TestK65_DescriptionsAreFixed(t *testing.T) {
	mark := "\"><img src=x onerror=alert(1)>\r\nSet-Cookie: a=b\\"
	for _, name := range Parameters {
		for _, value := range []string{mark, "none " + mark, mark + " openid"} {
			_, refusal := Parse(plain(name+"="+value), arrival())
			if refusal == nil {
				continue
			}
			if strings.Contains(refusal.Text, "img") || !isDescription(refusal.Text) {
				t.Errorf("%s: %q", name, refusal.Text)
			}
		}
	}
}

// isDescription reports whether a text is what an error_description may be (RFC 6749 §4.1.2.1).
func isDescription(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' })
}

func TestK67_WebMessageNeedsAnAllowedOrigin(t *testing.T) {
	a := arrival()
	a.Client.AllowedOrigins = []string{"https://other.example"}
	if _, refusal := Parse(plain("response_mode=web_message"), a); refusal == nil || !refusal.ForPage() {
		t.Errorf("got %+v", refusal)
	}
	if r, refusal := Parse(plain("response_mode=web_message"), arrival()); refusal != nil || r.Mode != WebMessage {
		t.Errorf("an allowed origin: %+v", refusal)
	}
}

func TestWishesAreNeverAnError(t *testing.T) {
	r, refusal := Parse(plain("login_hint="+strings.Repeat("x", 257), "ui_locales="+strings.Repeat("de-x ", 9)+strings.Repeat("a", 36), "acr_values=\x00 \"", "screen_hint=<", "display=wap", "claims_locales=se"), arrival())
	if refusal != nil || r.LoginHint != "" || r.Locales != "de-x" || r.ACR != "" || r.SignUp {
		t.Errorf("got %+v, %+v", r, refusal)
	}
	r, refusal = Parse(plain("login_hint=a\nb", "ui_locales=a b c d e f g h i j"), arrival())
	if refusal != nil || r.LoginHint != "" || r.Locales != "a b c d e f g h" {
		t.Errorf("got %+v, %+v", r, refusal)
	}
}

func TestPushedRequests(t *testing.T) {
	a := arrival()
	a.Client.FAPI, a.PAR, a.ProofKey = true, "par-1", thumb
	if r, refusal := Parse(plain(), a); refusal != nil || r.PAR != "par-1" || r.DPoPKey != thumb {
		t.Errorf("the key of the proof: %+v, %+v", r, refusal)
	}
	if r, refusal := Parse(plain("dpop_jkt="+thumb), a); refusal != nil || r.DPoPKey != thumb {
		t.Errorf("the same key twice: %+v, %+v", r, refusal)
	}
	if _, refusal := Parse(plain("dpop_jkt="+challenge), a); refusal == nil || refusal.Code != oauth.InvalidDPoPProof {
		t.Errorf("two keys: %+v", refusal)
	}
	if _, refusal := Parse(plain("request_uri=urn:ietf:params:oauth:request_uri:x"), a); refusal == nil || refusal.Code != oauth.InvalidRequest {
		t.Errorf("a request_uri within: %+v", refusal)
	}
	if _, refusal := Parse(plain("request=eyJ"), a); refusal == nil || refusal.Code != RequestNotSupported {
		t.Errorf("a request object within: %+v", refusal)
	}
}

func TestRecheckOfAClientThatHasChanged(t *testing.T) {
	r, refusal := Parse(plain("response_mode=web_message"), arrival())
	if refusal != nil {
		t.Fatal(refusal)
	}
	if refusal := r.Recheck(issuer, application()); refusal != nil {
		t.Errorf("unchanged: %+v", refusal)
	}
	for name, change := range map[string]func(*Client){
		"another client":             func(c *Client) { c.ID = "other" },
		"the redirect URI taken out": func(c *Client) { c.RedirectURIs = c.RedirectURIs[1:] },
		"the origin taken out":       func(c *Client) { c.AllowedOrigins = nil },
		"FAPI switched on":           func(c *Client) { c.FAPI = true },
	} {
		c := application()
		change(&c)
		if refusal := r.Recheck(issuer, c); refusal == nil || !refusal.ForPage() {
			t.Errorf("%s: %+v", name, refusal)
		}
	}
	if refusal := r.Recheck(issuer+"/", application()); refusal == nil || !refusal.ForPage() {
		t.Errorf("at another issuer: %+v", refusal)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(plain().Encode(), "web")
	f.Add(plain("prompt=none login", "max_age=-1").Encode(), "browser")
	f.Add(plain("redirect_uri=http://localhost:1/cb", "response_mode=form_post", "state=%00").Encode(), "native")
	f.Add("client_id=app&client_id=app", "")
	f.Fuzz(func(t *testing.T, query, kind string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a := arrival()
		a.Client.Type = Type(kind)
		a.Client.RedirectURIs = append(a.Client.RedirectURIs, "http://localhost/cb")
		r, refusal := Parse(values, a)
		var answer Answer
		switch {
		case refusal == nil:
			stored, err := r.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Unmarshal(stored); err != nil || again != r {
				t.Fatalf("%s: read as %+v: %v", stored, again, err)
			}
			if r.State != values.Get("state") || r.Nonce != values.Get("nonce") || r.Recheck(issuer, a.Client) != nil {
				t.Errorf("%+v is not what was asked", r)
			}
			answer = r.Code("c", AfterForm)
		case r != Request{}, !isDescription(refusal.Text):
			t.Fatalf("both a request and a refusal, or its text: %+v, %+v", r, refusal)
		case refusal.ForPage():
			return
		default:
			answer = refusal.Reply.Refuse(refusal.Code, refusal.Text, AfterGet)
		}
		if answer.URL != "" && strings.ContainsAny(answer.URL, "<>\"'` \r\n\\") {
			t.Errorf("unescaped: %q", answer.URL)
		}
		got := fieldsOf(t, answer)
		if state := got.Get("state"); state != "" && state != values.Get("state") || got.Get("iss") != issuer {
			t.Errorf("state %q, iss %q", state, got.Get("iss"))
		}
	})
}
