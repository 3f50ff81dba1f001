package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// The application that people log in to, and people who each change their password as they like.
func loginsDocument(people int) string {
	document := `
projects:
  - name: killed
    applications:
      - {name: notes, type: browser, client_id: notes, first_party: true, redirect_uris: ["https://notes.example.com/callback"]}
users:
`
	for i := range people {
		document += fmt.Sprintf("  - {login: person-%d, email: person-%d@example.com, password_file: password-%d}\n", i, i, i)
	}
	return document
}

// serveLogins sets up a data folder with people, and returns the program, the folder and the issuer's address.
func serveLogins(t *testing.T, people int) (program, dir, address string) {
	t.Helper()
	dir = t.TempDir()
	// The program as users have it, without the race detector that this test may run under.
	program = filepath.Join(dir, "postern")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "setup.yaml")
	if err := os.WriteFile(file, []byte(loginsDocument(people)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "apply", "--data", filepath.Join(dir, "data"), "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	return program, dir, freeAddress(t)
}

// person is somebody with a browser, at an address of their own, for the server bounds what one address may try.
type person struct {
	issuer          string
	login, password string
	cookies         map[string]string
	client          *http.Client
}

// to returns the person at the server of another address, which serves the same issuer.
func (p *person) to(address string) *person {
	other := *p
	other.client = &http.Client{
		CheckRedirect: p.client.CheckRedirect,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}},
	}
	return &other
}

func (s *served) person(i int) *person {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/200), byte(1+i%200))}}
	return &person{
		issuer: s.url, login: fmt.Sprintf("person-%d", i), password: s.secret(fmt.Sprintf("password-%d", i)), cookies: make(map[string]string),
		client: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64},
		},
	}
}

// reply is what the server answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends one request with the person's cookies, by POST if there is a form. An error says that there was no
// answer.
func (p *person) ask(path string, form url.Values) (reply, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	request, err := http.NewRequest(method, p.issuer+path, body)
	if err != nil {
		return reply{}, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range p.cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := p.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	for _, cookie := range response.Cookies() {
		if cookie.MaxAge < 0 {
			delete(p.cookies, cookie.Name)
		} else {
			p.cookies[cookie.Name] = cookie.Value
		}
	}
	return reply{response.StatusCode, response.Header, string(text)}, nil
}

// unexpected is an answer that is not what it has to be.
type unexpected struct{ text string }

func (u *unexpected) Error() string { return u.text }

func (p *person) expect(what string, r reply, ok bool) error {
	if ok {
		return nil
	}
	return &unexpected{fmt.Sprintf("%s of %s: %d %v %s", what, p.login, r.status, r.header, r.body)}
}

const notesCallback = "https://notes.example.com/callback"

func (p *person) authorization(verifier, prompt string) string {
	return "/oauth/v2/authorize?" + url.Values{
		"client_id": {"notes"}, "redirect_uri": {notesCallback}, "response_type": {"code"}, "scope": {"openid offline_access"}, "prompt": {prompt},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// logIn asks for a code, with the password, and returns what comes to the application; it is empty where the
// password is wrong.
func (p *person) logIn(verifier string) (url.Values, error) {
	page, err := p.ask(p.authorization(verifier, "login"), nil)
	if err == nil && page.status == http.StatusFound || page.status == http.StatusSeeOther {
		page, err = p.ask(page.header.Get("Location"), nil)
	}
	if err != nil {
		return nil, err
	}
	action := formAction.FindStringSubmatch(page.body)
	if err := p.expect("the login page", page, action != nil); err != nil {
		return nil, err
	}
	form := url.Values{"identifier": {p.login}, "password": {p.password}, "answer": {"login"}}
	for _, field := range formHidden.FindAllStringSubmatch(page.body, -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	done, err := p.ask(html.UnescapeString(action[1]), form)
	if err != nil {
		return nil, err
	}
	if done.status == http.StatusUnprocessableEntity {
		return nil, nil
	}
	return p.told(done)
}

// told returns what an answer brings to the application.
func (p *person) told(r reply) (url.Values, error) {
	to := r.header.Get("Location")
	if _, refresh, ok := strings.Cut(r.header.Get("Refresh"), "url="); ok {
		to = refresh
	}
	query, ok := strings.CutPrefix(to, notesCallback+"?")
	if err := p.expect("the answer", r, ok); err != nil {
		return nil, err
	}
	return url.ParseQuery(query)
}

// notesTokens are what the application gets.
type notesTokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// token asks the token endpoint; ok is false where it refuses what it was given.
func (p *person) token(form url.Values) (got notesTokens, ok bool, err error) {
	form.Set("client_id", "notes")
	r, err := p.ask("/oauth/v2/token", form)
	if err != nil {
		return got, false, err
	}
	if r.status == http.StatusBadRequest && strings.Contains(r.body, `"invalid_grant"`) {
		return got, false, nil
	}
	if err := p.expect("the tokens", r, r.status == http.StatusOK); err != nil {
		return got, false, err
	}
	return got, true, json.Unmarshal([]byte(r.body), &got)
}

func redemption(code, verifier string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {notesCallback}}
}

func renewal(refresh string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
}

// userinfo reports whether an access token opens it.
func (p *person) userinfo(access string) (bool, error) {
	request, err := http.NewRequest(http.MethodGet, p.issuer+"/oidc/v1/userinfo", nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Authorization", "Bearer "+access)
	response, err := p.client.Do(request)
	if err != nil {
		return false, err
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK, nil
}

// acknowledged is what a person was told, and so has to be true for ever. What was under way when the server died
// is in none of it.
type acknowledged struct {
	*person
	codes     [][2]string          // used, with their verifiers
	ended     []string             // refresh tokens that are revoked, or whose login is over
	spent     []string             // refresh tokens that were used three times
	renewed   map[string]time.Time // refresh tokens that were used once, and when
	sessions  []map[string]string  // cookies of sessions that are over
	passwords []string             // those that were replaced
	live      []string             // refresh tokens that nobody has used or ended
}

// goOn logs in again and again, and renews, revokes, logs out and changes the password in turn, beginning with the
// first of these, until the server is dead. done is called for whatever is acknowledged.
func (a *acknowledged) goOn(first int, done func()) error {
	for n := first; ; n++ {
		verifier := oauth2.GenerateVerifier()
		a.cookies = make(map[string]string) // another browser
		told, err := a.logIn(verifier)
		if err != nil {
			return err
		}
		if told.Get("code") == "" {
			return &unexpected{fmt.Sprintf("%s is not let in: %v", a.login, told)}
		}
		done()
		got, ok, err := a.token(redemption(told.Get("code"), verifier))
		if err != nil {
			return err
		}
		if !ok {
			return &unexpected{"a fresh code is refused"}
		}
		done()
		a.codes = append(a.codes, [2]string{told.Get("code"), verifier})
		switch n % 6 {
		case 0:
			a.live = append(a.live, got.Refresh)
		case 1:
			for range 3 {
				if _, ok, err = a.token(renewal(got.Refresh)); err != nil {
					return err
				} else if !ok {
					return &unexpected{"a refresh token is refused"}
				}
				done()
			}
			a.spent = append(a.spent, got.Refresh)
		case 2:
			if r, err := a.ask("/oauth/v2/revoke", url.Values{"client_id": {"notes"}, "token": {got.Refresh}}); err != nil {
				return err
			} else if err := a.expect("the revocation", r, r.status == http.StatusOK); err != nil {
				return err
			}
			done()
			a.ended = append(a.ended, got.Refresh)
		case 3:
			cookies := maps.Clone(a.cookies)
			if r, err := a.ask("/oidc/v1/end_session?"+url.Values{"id_token_hint": {got.ID}}.Encode(), nil); err != nil {
				return err
			} else if err := a.expect("the logout", r, r.status == http.StatusOK); err != nil {
				return err
			}
			done()
			a.sessions, a.ended = append(a.sessions, cookies), append(a.ended, got.Refresh)
		case 4:
			if _, _, err := a.token(renewal(got.Refresh)); err != nil {
				return err
			}
			done()
			a.renewed[got.Refresh] = time.Now()
		case 5:
			if err := a.changePassword(got.Refresh); err != nil {
				return err
			}
			done()
		}
	}
}

// changePassword is no more of use to the person when it fails, for nobody knows which password counts then.
func (a *acknowledged) changePassword(refresh string) error {
	cookies, next := maps.Clone(a.cookies), oauth2.GenerateVerifier()
	old := a.password
	a.password = ""
	r, err := a.ask("/account/password", url.Values{"password": {old}, "new_password": {next}})
	if err != nil {
		return err
	}
	if err := a.expect("the new password", r, r.status == http.StatusSeeOther); err != nil {
		return err
	}
	a.password, a.passwords = next, append(a.passwords, old)
	// All that was logged in by the old one is over.
	a.sessions = append(a.sessions, cookies)
	a.ended = append(append(a.ended, refresh), a.live...)
	a.live = nil
	return nil
}

// check returns what is not as it was acknowledged.
func (a *acknowledged) check() (wrong []string, err error) {
	note := func(text string) { wrong = append(wrong, a.login+": "+text) }
	for _, old := range append(a.ended, a.spent...) {
		if _, ok, err := a.token(renewal(old)); err != nil {
			return nil, err
		} else if ok {
			note("a refresh token that was revoked, logged out or spent works")
		}
	}
	for _, token := range a.live {
		if _, ok, err := a.token(renewal(token)); err != nil {
			return nil, err
		} else if !ok {
			note("a refresh token that nobody has used is refused")
		}
	}
	now := a.cookies
	for _, cookies := range a.sessions {
		a.cookies = maps.Clone(cookies)
		r, err := a.ask(a.authorization(oauth2.GenerateVerifier(), "none"), nil)
		if err != nil {
			return nil, err
		}
		told, err := a.told(r)
		if err != nil {
			return nil, err
		}
		if told.Get("error") != "login_required" {
			note("a session that is over logs in")
		}
	}
	a.cookies = now
	if n := len(a.passwords); n > 0 && a.password != "" {
		good := a.password
		for password, want := range map[string]bool{a.passwords[n-1]: false, good: true} {
			a.password = password
			told, err := a.logIn(oauth2.GenerateVerifier())
			if err != nil {
				return nil, err
			}
			if told.Has("code") != want {
				note(fmt.Sprintf("a password lets in: %v, want %v", !want, want))
			}
		}
		a.password = good
	}
	for _, code := range a.codes { // the last, for it ends the tokens of the code
		if _, ok, err := a.token(redemption(code[0], code[1])); err != nil {
			return nil, err
		} else if ok {
			note("a used code works")
		}
	}
	return wrong, nil
}

// killLogins kills a server again and again while people log in, and checks each time that a fresh one knows what
// they were told.
func killLogins(t *testing.T, rounds, perRound int) {
	const atOnce = 8
	program, dir, address := serveLogins(t, rounds*atOnce)
	began, renewed, total := time.Now(), make(map[string]*acknowledged), 0
	var sums [5]int
	for round := range rounds {
		server := startServe(t, program, dir, address)
		var count atomic.Int64
		done := func() {
			if count.Add(1) == int64(perRound) {
				server.proc.Process.Kill()
			}
		}
		people := make([]*acknowledged, atOnce)
		var group sync.WaitGroup
		for i := range people {
			people[i] = &acknowledged{person: server.person(round*atOnce + i), renewed: make(map[string]time.Time)}
			group.Go(func() {
				var odd *unexpected
				if err := people[i].goOn(i, done); errors.As(err, &odd) {
					t.Error(odd)
					server.proc.Process.Kill()
				}
			})
		}
		group.Wait()
		server.kill()
		fresh := startServe(t, program, dir, address)
		for _, a := range people {
			group.Go(func() {
				wrong, err := a.check()
				if err != nil || len(wrong) > 0 {
					t.Errorf("%v %s", err, strings.Join(wrong, "\n"))
				}
			})
			for token := range a.renewed {
				renewed[token] = a
			}
			for i, n := range []int{len(a.codes), len(a.ended), len(a.spent), len(a.sessions), len(a.passwords)} {
				sums[i] += n
			}
		}
		group.Wait()
		if total += int(count.Load()); t.Failed() {
			return
		}
		// A refresh token is past its overlap half a minute after its first use.
		for token, a := range renewed {
			if time.Since(a.renewed[token]) < 31*time.Second {
				continue
			}
			if _, ok, err := a.token(renewal(token)); ok || err != nil {
				t.Errorf("a refresh token past its overlap works: %v (%v)", ok, err)
			}
			delete(renewed, token)
			sums[1]++
		}
		fresh.kill()
	}
	t.Logf("%d kills, %d answers: %d used codes, %d ended and %d spent refresh tokens, %d ended sessions, %d replaced passwords, all as acknowledged, in %s",
		rounds, total, sums[0], sums[1], sums[2], sums[3], sums[4], time.Since(began).Round(time.Millisecond))
	for i, n := range sums {
		if n == 0 {
			t.Errorf("nothing was tried of the kind %d", i)
		}
	}
}

func TestLoginsLoseNothingWhenKilled(t *testing.T) {
	onBothEngines(t, func(t *testing.T) { killLogins(t, 4, 125) })
}

// Two processes on one store are one server: of many uses of a code at once one counts, and they end what it gave;
// a refresh token has three successors, which the fourth use ends.
func TestTwoProcessesCountACodeOnceAndARefreshTokenThreeTimes(t *testing.T) {
	onBothEngines(t, useAtTwoProcesses)
}

func useAtTwoProcesses(t *testing.T) {
	program, dir, address := serveLogins(t, 1)
	first := startServe(t, program, dir, address)
	other := freeAddress(t)
	second := &served{t: t, dir: dir, url: "http://" + other}
	second.start(exec.Command(program, serveArgs(dir, first.url, other)...))
	at := []*person{first.person(0), nil}
	at[1] = at[0].to(other)

	// atOnce sends a hundred requests, half of them to each process, and returns the tokens they got.
	atOnce := func(form func() url.Values) (got []notesTokens) {
		t.Helper()
		var mu sync.Mutex
		var group sync.WaitGroup
		start := make(chan struct{})
		for i := range 100 {
			group.Go(func() {
				<-start
				tokens, ok, err := at[i%2].token(form())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ok {
					got = append(got, tokens)
				}
			})
		}
		close(start)
		group.Wait()
		return got
	}
	// over checks that nothing of what was given is good any more, at either process.
	over := func(given []notesTokens) {
		t.Helper()
		for _, tokens := range given {
			for _, p := range at {
				if ok, err := p.userinfo(tokens.Access); ok || err != nil {
					t.Errorf("an access token opens userinfo: %v (%v)", ok, err)
				}
				if _, ok, err := p.token(renewal(tokens.Refresh)); ok || err != nil {
					t.Errorf("a refresh token works: %v (%v)", ok, err)
				}
			}
		}
	}
	for range 3 {
		verifier := oauth2.GenerateVerifier()
		told, err := at[0].logIn(verifier)
		if err != nil {
			t.Fatal(err)
		}
		used := atOnce(func() url.Values { return redemption(told.Get("code"), verifier) })
		if len(used) != 1 {
			t.Errorf("%d of 100 uses of a code got tokens, want 1", len(used))
		}
		over(used)

		verifier = oauth2.GenerateVerifier()
		if told, err = at[1].logIn(verifier); err != nil {
			t.Fatal(err)
		}
		begun, ok, err := at[1].token(redemption(told.Get("code"), verifier))
		if !ok || err != nil {
			t.Fatal(err)
		}
		renewed := atOnce(func() url.Values { return renewal(begun.Refresh) })
		if len(renewed) < 1 || len(renewed) > 3 {
			t.Errorf("%d of 100 uses of a refresh token got tokens, want 1 to 3", len(renewed))
		}
		over(append(renewed, begun))
	}
}

// manyLogins has 32 people log in at once, so many times each, and returns the most memory that the server has
// taken and how long 99 of 100 other requests take at most before and meanwhile.
func manyLogins(t *testing.T, times int) (mebibytes int, before, meanwhile time.Duration) {
	const atOnce = 32
	program, dir, address := serveLogins(t, atOnce+1)
	server := startServe(t, program, dir, address)
	watcher := server.person(atOnce)
	verifier := oauth2.GenerateVerifier()
	told, err := watcher.logIn(verifier)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := watcher.token(redemption(told.Get("code"), verifier))
	if err != nil {
		t.Fatal(err)
	}
	// watch asks for userinfo 200 times a second, until it is told to stop.
	watch := func(stop <-chan struct{}) time.Duration {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var took []time.Duration
		for {
			began := time.Now()
			if ok, err := watcher.userinfo(token.Access); !ok || err != nil {
				t.Errorf("userinfo: %v (%v)", ok, err)
			}
			took = append(took, time.Since(began))
			select {
			case <-stop:
				slices.Sort(took)
				return took[len(took)*99/100]
			case <-tick.C:
			}
		}
	}
	stopped := make(chan struct{})
	timer := time.AfterFunc(time.Second, func() { close(stopped) })
	defer timer.Stop()
	before = watch(stopped)

	var group sync.WaitGroup
	for i := range atOnce {
		p := server.person(i)
		group.Go(func() {
			for range times {
				p.cookies = make(map[string]string)
				if told, err := p.logIn(oauth2.GenerateVerifier()); err != nil || told.Get("code") == "" {
					t.Errorf("%s is not let in: %v (%v)", p.login, told, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	meanwhile = watch(done)
	<-done
	mebibytes = server.memory("VmHWM")
	t.Logf("%d logins of %d at once: %d MiB at most; p99 of other requests %s, and %s before", times*atOnce, atOnce, mebibytes, meanwhile, before)
	return mebibytes, before, meanwhile
}

// What else is asked meanwhile is measured by the long test, for other tests run beside this one.
func TestManyLoginsAtOnceTakeLittleMemory(t *testing.T) {
	if mebibytes, _, _ := manyLogins(t, 3); mebibytes<<20 > 96e6 {
		t.Errorf("the server has taken %d MiB, want at most 96 MB", mebibytes)
	}
}
