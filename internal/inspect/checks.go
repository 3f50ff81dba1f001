package inspect

import (
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// A Check is one thing that an API looks at in a token.
type Check struct {
	Name    Name
	Outcome Outcome
	// Expected and Got are what an API wants and what is there; empty: there is nothing to compare.
	Expected, Got []string
	Fault         Fault // why it has not passed; empty where it has
}

// A Name is that of a Check.
type Name string

// The checks of a JWT, in the order in which they are made.
const (
	Form      Name = "form"
	Issuer    Name = "issuer"
	Key       Name = "key"
	Signature Name = "signature"
	Kind      Name = "kind"
	Audience  Name = "audience"
	Time      Name = "time"
)

// An Outcome is that of a Check.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Doubted Outcome = "doubted" // passed, and worth a look
	Skipped Outcome = "skipped" // not asked, or not to be known
)

// A Fault is what is wrong with a token, by which advice is chosen.
type Fault string

// The faults.
const (
	Malformed    Fault = "malformed"     // not a strict JWS: Got says why
	FinalSlash   Fault = "final_slash"   // the slash at the end alone is the difference
	OtherIssuer  Fault = "other_issuer"  // another server's
	Unsigned     Fault = "unsigned"      // alg none
	SharedSecret Fault = "shared_secret" // signed with what whoever checks it could sign with too
	UnknownKey   Fault = "unknown_key"   // none that is published
	Tampered     Fault = "tampered"      // the signature is not that of the key over this text
	OtherKind    Fault = "other_kind"    // not an access token
	OtherAPI     Fault = "other_api"
	NoEnd        Fault = "no_end" // no exp, or one that is no time
	Ended        Fault = "ended"
	NotYet       Fault = "not_yet"     // nbf is to come
	ClockAhead   Fault = "clock_ahead" // iat is to come
)

// Want is what a JWT is held to. Fields that are empty leave their checks out, as Skipped.
type Want struct {
	Issuers  []string // any of which will do
	Audience []string // any of which will do
	// Key returns the published key with the id.
	Key func(id string) (*jws.Key, bool)
	Now time.Time
}

// JWT checks a token that Decode has read. It makes all checks, also those after one that has failed.
func JWT(raw string, c *Content, want Want) []Check {
	message, err := jws.Parse(raw)
	form := Check{Name: Form, Outcome: Passed}
	if err != nil {
		form = Check{Name: Form, Outcome: Failed, Got: []string{err.Error()}, Fault: Malformed}
	}
	key, signature := signed(c, message, err == nil, want)
	return []Check{form, issued(c, want), key, signature, kind(c), meant(c, want), timely(c, want)}
}

func issued(c *Content, want Want) Check {
	return Among(Issuer, want.Issuers, []string{c.Claim("iss")}, OtherIssuer)
}

// Among passes when one of what is there is one of what is wanted, and is Skipped when nothing is wanted.
func Among(name Name, want, got []string, fault Fault) Check {
	check := Check{Name: name, Outcome: Passed, Expected: want, Got: got}
	if len(want) == 0 {
		check.Outcome = Skipped
		return check
	}
	for _, g := range got {
		if slices.Contains(want, g) {
			return check
		}
	}
	check.Outcome, check.Fault = Failed, fault
	for _, g := range got {
		if g != "" && slices.ContainsFunc(want, func(w string) bool { return strings.TrimSuffix(w, "/") == strings.TrimSuffix(g, "/") }) {
			check.Fault = FinalSlash
		}
	}
	return check
}

// signed are the checks of the key and of the signature.
func signed(c *Content, m jws.Message, parsed bool, want Want) (key, signature Check) {
	alg := c.Algorithm()
	id := ""
	if value, ok := c.Header.Lookup("kid"); ok {
		id, _ = value.Text()
	}
	key = Check{Name: Key, Outcome: Failed, Got: []string{id, alg}}
	signature = Check{Name: Signature, Outcome: Skipped}
	switch {
	case strings.EqualFold(alg, "none"):
		key.Fault = Unsigned
		return key, signature
	case strings.HasPrefix(strings.ToUpper(alg), "HS"):
		key.Fault = SharedSecret
		return key, signature
	case want.Key == nil:
		key.Outcome = Skipped
		return key, signature
	}
	published, ok := want.Key(id)
	if !ok {
		key.Fault = UnknownKey
		return key, signature
	}
	key.Outcome = Passed
	if !parsed {
		return key, signature
	}
	signature.Outcome = Passed
	if err := m.Verify(published); err != nil {
		signature.Outcome, signature.Fault = Failed, Tampered
	}
	return key, signature
}

// kind refuses what is a JWT of the issuer and not an access token, such as an ID token.
func kind(c *Content) Check {
	typ := ""
	if value, ok := c.Header.Lookup("typ"); ok {
		typ, _ = value.Text()
	}
	check := Check{Name: Kind, Outcome: Passed, Expected: []string{"JWT", "at+jwt"}, Got: []string{typ}}
	short := strings.TrimPrefix(strings.ToLower(typ), "application/")
	if short != "jwt" && short != "at+jwt" {
		check.Outcome, check.Fault = Failed, OtherKind
		return check
	}
	for _, claim := range []string{"nonce", "at_hash", "c_hash", "events"} {
		if _, there := c.Claims.Lookup(claim); there && short == "jwt" {
			check.Outcome, check.Fault, check.Got = Failed, OtherKind, []string{typ, claim}
		}
	}
	return check
}

func meant(c *Content, want Want) Check {
	var audience []string
	if value, ok := c.Claims.Lookup("aud"); ok {
		audience, _ = value.Texts(nil) // what is of another type is no audience
	}
	return Among(Audience, want.Audience, audience, OtherAPI)
}

func timely(c *Content, want Want) Check {
	check := Check{Name: Time, Outcome: Passed, Expected: []string{written(want.Now)}}
	at := func(name string) (time.Time, bool) {
		value, ok := c.Claims.Lookup(name)
		if !ok {
			return time.Time{}, false
		}
		t, err := value.Time()
		return t, err == nil
	}
	exp, ends := at("exp")
	if !ends {
		check.Outcome, check.Fault = Failed, NoEnd
		return check
	}
	check.Got = []string{written(exp)}
	if nbf, ok := at("nbf"); ok && want.Now.Before(nbf) {
		check.Outcome, check.Fault, check.Got = Failed, NotYet, []string{written(nbf)}
	} else if iat, ok := at("iat"); ok && want.Now.Before(iat) {
		check.Outcome, check.Fault, check.Got = Doubted, ClockAhead, []string{written(iat)}
	}
	if !want.Now.Before(exp) {
		check.Outcome, check.Fault, check.Got = Failed, Ended, []string{written(exp)}
	}
	return check
}

func written(t time.Time) string { return t.UTC().Format(time.RFC3339) }
