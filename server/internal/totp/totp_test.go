package totp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

var rfcKey = []byte("12345678901234567890")

func rfcSecret(t *testing.T) Secret {
	t.Helper()
	s, err := FromBytes(rfcKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVectorsOfRFC6238(t *testing.T) {
	s := rfcSecret(t)
	for _, row := range []struct {
		seconds int64
		step    string
		code    string // eight digits
	}{
		{59, "0000000000000001", "94287082"},
		{1111111109, "00000000023523EC", "07081804"},
		{1111111111, "00000000023523ED", "14050471"},
		{1234567890, "000000000273EF07", "89005924"},
		{2000000000, "0000000003F940AA", "69279037"},
		{20000000000, "0000000027BC86AA", "65353130"},
	} {
		step := Step(time.Unix(row.seconds, 0))
		if got := fmt.Sprintf("%016X", step); got != row.step {
			t.Errorf("at %d: step %s, want %s", row.seconds, got, row.step)
		}
		if got := fmt.Sprintf("%08d", truncate(rfcKey, step)%100_000_000); got != row.code {
			t.Errorf("at %d: %s, want %s", row.seconds, got, row.code)
		}
		if got := s.Code(step); got != row.code[2:] {
			t.Errorf("at %d: six digits %s, want %s", row.seconds, got, row.code[2:])
		}
	}
}

func TestACodeIsGoodOneStepBeforeAndAfterItsOwn(t *testing.T) {
	s := rfcSecret(t)
	own := int64(40_000_000)
	code := s.Code(own)
	for _, row := range []struct {
		name    string
		seconds int64 // from the beginning of the code's own step
		last    int64
		want    bool
	}{
		{"at its first second", 0, 0, true},
		{"at its last second", 29, 0, true},
		{"one step early, at that step's beginning", -30, 0, true},
		{"31 seconds early", -31, 0, false},
		{"one step late, at that step's end", 59, 0, true},
		{"two steps late", 60, 0, false},
		{"a day late", 86400, 0, false},
		{"after the step before it was used", 0, own - 1, true},
		{"after it was used", 0, own, false},
		{"after it was used, one step late", 35, own, false},
		{"after a later step was used", 0, own + 1, false},
		{"after a step far in the future was used", 0, own + 1000, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			step, ok := s.Check(code, time.Unix(own*30+row.seconds, 0), row.last)
			if ok != row.want || ok && step != own || !ok && step != 0 {
				t.Errorf("got step %d, %v, want %v", step, ok, row.want)
			}
		})
	}
}

func TestOfTwoStepsWithOneCodeTheEarlierIsTaken(t *testing.T) {
	s := rfcSecret(t)
	const step = 910737 // one in a million
	if s.Code(step) != s.Code(step+1) {
		t.Fatalf("step %d has %s and the next %s", step, s.Code(step), s.Code(step+1))
	}
	for _, row := range []struct{ last, want int64 }{{0, step}, {step - 1, step}, {step, step + 1}} {
		if got, ok := s.Check(s.Code(step), time.Unix(30*(step+1), 0), row.last); !ok || got != row.want {
			t.Errorf("after step %d: got %d, %v, want %d", row.last, got, ok, row.want)
		}
	}
	if _, ok := s.Check(s.Code(step), time.Unix(30*(step+1), 0), step+1); ok {
		t.Error("both were used and a third time is good")
	}
}

func TestWhatPeopleTypeAsCode(t *testing.T) {
	s := rfcSecret(t)
	const step = 0x23523EC // 081804
	now := time.Unix(1111111109, 0)
	for typed, want := range map[string]bool{
		"081804": true, "081 804": true, " 081804 ": true, "0 8 1 8 0 4": true,
		"": false, " ": false, "81804": false, "0081804": false, "07081804": false, "081804 081804": false,
		"07;804": false, // a semicolon stands 11 behind 0
		"081805": false, "-81804": false, "+81804": false, "08180x": false, "0x1404": false, "081804\x00": false,
		"081-804": false, "081804\n": false, "٠٨١٨٠٤": false, "０８１８０４": false, "1e5": false,
		strings.Repeat(" ", 1<<20) + "081804": false, strings.Repeat("0", 1<<20): false,
	} {
		if got, ok := s.Check(typed, now, 0); ok != want || ok && got != step {
			t.Errorf("%.20q: got %d, %v, want %v", typed, got, ok, want)
		}
	}
}

func TestTheFirstStepsAndTimesBefore1970(t *testing.T) {
	s := rfcSecret(t)
	for _, now := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, 0)} {
		for step := int64(-2); step <= 0; step++ {
			if got, ok := s.Check(s.Code(step), now, 0); ok && got <= 0 {
				t.Errorf("at %s step %d is taken", now, got)
			}
		}
	}
}

// A store's conditional update, as in the package comment.
func TestK38_OneCodeTwiceAtOnceIsOneSuccess(t *testing.T) {
	s := rfcSecret(t)
	now := time.Unix(1111111109, 0)
	var mu sync.Mutex
	var last int64
	raise := func(step int64) bool {
		mu.Lock()
		defer mu.Unlock()
		if last >= step {
			return false
		}
		last = step
		return true
	}
	successes := make(chan int64, 100)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			// Every replica has read the user before anybody raised the step.
			if step, ok := s.Check("081804", now, 0); ok && raise(step) {
				successes <- step
			}
		})
	}
	all.Wait()
	if len(successes) != 1 {
		t.Errorf("%d successes, want 1", len(successes))
	}
}

func TestSecretsAreRandomAndOfOneSize(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	if first == second {
		t.Error("two secrets are the same")
	}
	if again, err := FromBytes(first.Bytes()); err != nil || again != first {
		t.Errorf("not read as it was written: %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "19 bytes": make([]byte, 19), "21 bytes": bytes.Repeat([]byte{1}, 21), "zeros": make([]byte, 20),
	} {
		if _, err := FromBytes(b); !errors.Is(err, ErrSecret) {
			t.Errorf("%s: got %v, want ErrSecret", name, err)
		}
	}
	var zero Secret
	now := time.Unix(1111111109, 0)
	if _, ok := zero.Check(zero.Code(Step(now)), now, 0); ok {
		t.Error("the zero value checks a code")
	}
}

func TestURIsThatAppsRead(t *testing.T) {
	s := rfcSecret(t)
	const rest = "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer="
	const end = "&algorithm=SHA1&digits=6&period=30"
	for _, row := range []struct{ issuer, account, want string }{
		{"Example", "anna@example.com", "otpauth://totp/Example:anna%40example.com" + rest + "Example" + end},
		{"Big Corp & Söhne", "a b", "otpauth://totp/Big%20Corp%20%26%20S%C3%B6hne:a%20b" + rest + "Big%20Corp%20%26%20S%C3%B6hne" + end},
		{"localhost:8443", "x:y?secret=AAAA&issuer=evil#f", "otpauth://totp/localhost%208443:x%3Ay%3Fsecret%3DAAAA%26issuer%3Devil%23f" + rest + "localhost%208443" + end},
		{"", "", "otpauth://totp/:" + rest + end},
	} {
		got := s.URI(row.issuer, row.account)
		if got != row.want {
			t.Errorf("got  %s\nwant %s", got, row.want)
		}
		u, err := url.Parse(got)
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || len(u.Query()["secret"]) != 1 || u.Fragment != "" {
			t.Errorf("%s: %v", got, err)
		}
	}
}

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	s := rfcSecret(t)
	code := NewRecoveryCodes()[0]
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "code", code, "both", []any{s, &s, code, &code})
	text := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text += fmt.Sprintf(verb, s) + fmt.Sprintf(verb, &s) + fmt.Sprintf(verb, code) + fmt.Sprintf(verb, []any{s, code})
	}
	for _, secret := range []string{string(rfcKey), s.Text(), hex.EncodeToString(rfcKey), "49 50 51", code.letters, code.Text(), hex.EncodeToString([]byte(code.letters))} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown in %s", secret, text)
		}
	}
}
