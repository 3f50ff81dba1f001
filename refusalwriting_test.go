package postern

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Whatever a refusal says, its body is the JSON of just that, and its challenge can be taken apart again.
func TestRefusalIsWrittenAsItIsRead(t *testing.T) {
	for _, text := range []string{"", "plain", `quote " and backslash \`, "tab\tnewline\n", "é ☃", "\x00\x7f", "<a>&", "\u2028", "\xff broken"} {
		g := &Guard{InsecureExplain: true}
		e := &Error{Status: 403, Code: "insufficient_scope", Description: text, Reason: "rights-insufficient", ID: "ABC", Scopes: []string{"read", text}, Err: errors.New("why"), scheme: schemeBearer}
		var got, want map[string]any
		if err := json.Unmarshal(g.problem(e), &got); err != nil {
			t.Fatalf("%q: %v in %s", text, err, g.problem(e))
		}
		document, err := json.Marshal(map[string]any{
			"title": "Forbidden", "status": 403, "detail": text, "error": "insufficient_scope", "scope": "read " + text,
			"decision": "ABC", "reason": "rights-insufficient", "explanation": "why",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(document, &want); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
		header := `Bearer scope="read ` + quoted + `", error="insufficient_scope", error_description="` + quoted + `"`
		if got := g.challenges(e); len(got) != 1 || got[0] != header {
			t.Errorf("challenge %q, want %q", got, header)
		}
	}
}

func TestReasonIsTheFirstThatTheErrorWraps(t *testing.T) {
	var errs []error
	for _, row := range refusals {
		errs = append(errs, row.is)
	}
	slow := func(err error) int {
		for i, row := range refusals {
			if errors.Is(err, row.is) {
				return i
			}
		}
		return len(refusals)
	}
	check := func(err error) {
		t.Helper()
		if got, want := first(err, len(refusals)), slow(err); got != want {
			t.Errorf("%v: row %d, errors.Is finds %d", err, got, want)
		}
	}
	check(nil)
	check(errors.New("other"))
	check(uncomparable{"a"})
	for _, a := range errs {
		check(a)
		check(fmt.Errorf("wrapped: %w", a))
		check(claiming{a})
		for _, b := range errs {
			check(errors.Join(errors.New("other"), a, fmt.Errorf("deep: %w", fmt.Errorf("%w %w", b, uncomparable{"b"}))))
			check(fmt.Errorf("%w: %w", claiming{b}, a))
		}
	}
}

type uncomparable []string

func (u uncomparable) Error() string { return "uncomparable" }

// claiming says that it is an error, without wrapping it.
type claiming struct{ error }

func (c claiming) Is(target error) bool { return target == c.error }
func (c claiming) Error() string        { return "claiming" }

func TestHeadersOfTwoRefusalsAreTheirOwn(t *testing.T) {
	g := new(Guard)
	one, two := g.Refusal(refuse(ErrExpired, nil)), g.Refusal(refuse(ErrExpired, nil))
	for name := range one.Header {
		one.Header.Add(name, "more")
		one.Header[name][0] = "changed"
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := two.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	ids := []string{one.Header.Get("Postern-Decision"), two.Header.Get("Postern-Decision")}
	if len(ids[1]) != 16 || ids[0] == ids[1] || two.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("decisions %q, challenge %q", ids, two.Header.Values("WWW-Authenticate"))
	}
}

// What is written once for every refusal of a reason is what would be written for each.
func TestRefusalIsWrittenAsUsualOnlyWhenItSaysTheUsual(t *testing.T) {
	changes := map[string]func(*Error){
		"nothing":         func(*Error) {},
		"the status":      func(e *Error) { e.Status = 418 },
		"the code":        func(e *Error) { e.Code = "other_code" },
		"the description": func(e *Error) { e.Description = "another sentence" },
		"scopes":          func(e *Error) { e.Scopes = []string{"read"} },
		"a step-up":       func(e *Error) { e.StepUp = &StepUpError{ACR: []string{"high"}} },
		"the scheme":      func(e *Error) { e.scheme = "Other" },
	}
	for _, row := range refusals {
		for what, change := range changes {
			for name, g := range map[string]*Guard{"plain": {}, "with a resource": {Resource: "https://api.test/x"}, "explaining": {InsecureExplain: true}} {
				e := refuse(row.is, nil)
				change(e)
				bare := *e
				bare.usual = nil
				if got, want := fmt.Sprint(g.challenges(e), string(g.problem(e))), fmt.Sprint(g.challenges(&bare), string(g.problem(&bare))); got != want {
					t.Errorf("%s, %s Guard, changed %s: %s, want %s", row.reason, name, what, got, want)
				}
			}
		}
	}
}

func TestTokenSyntaxIsThatOfTheAlphabetAtEveryPlace(t *testing.T) {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/"
	for length := 1; length <= 17; length++ {
		for place := range length {
			for c := range 256 {
				s := []byte(strings.Repeat("A", length))
				s[place] = byte(c)
				want := strings.IndexByte(alphabet, byte(c)) >= 0 || c == '=' && place == length-1 && length > 1
				if got := isToken68(string(s)); got != want {
					t.Fatalf("%q: %t, want %t", s, got, want)
				}
			}
		}
	}
}
