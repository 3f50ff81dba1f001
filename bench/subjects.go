package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
)

// The names of the rows that are not candidates.
const (
	namePlainBare     = "bare crypto, no rights"
	namePlainCold     = "postern cold, no rights"
	nameLargeBare     = "bare crypto, 60 roles"
	nameLargeCold     = "postern cold, 60 roles"
	nameForged        = "forged signature"
	nameIntrospection = "introspection, cached"
	nameSignatureCut  = "garbage: signature cut"
	nameGarbageOld    = "garbage: expired"
	nameEnded         = "expired, the same again"
	nameWasGood       = "expired, was good before"
)

// group is a set of subjects that are measured in turns, so that they can be compared with each other.
type group struct {
	name     string
	base     string // the subject that the others' ratios refer to
	subjects []subject
}

// groups returns everything that is measured.
func groups(i *issuer) ([]group, error) {
	var result []group
	for _, alg := range []string{rs256, es256} {
		subjects, err := libraries(i, alg)
		if err != nil {
			return nil, err
		}
		result = append(result, group{alg, nameBare, subjects})
	}
	refused, err := refusals(i)
	if err != nil {
		return nil, err
	}
	again, err := remembered(i)
	if err != nil {
		return nil, err
	}
	served, err := loops(i, i.token(rs256, nil))
	if err != nil {
		return nil, err
	}
	people, err := logins()
	if err != nil {
		return nil, err
	}
	programs, err := tokens()
	if err != nil {
		return nil, err
	}
	return append(result, group{groupTokens, namePlain, programs}, group{groupRemembered, nameBare, again}, group{groupRefusals, nameBare, refused},
		group{groupServer, nameUnprotected, served}, group{groupLogins, nameSignature, people}), nil
}

// The names of the groups that are not named after an algorithm.
const (
	groupRefusals = "refusals and caches"
	groupServer   = "server loop"
)

// accepting returns a subject that fails loudly should its verifier refuse the token: a refusal is
// cheaper than the work that is to be measured.
func accepting(name, raw string, check verify) subject {
	return subject{name: name, run: func(n int) {
		for range n {
			if err := check(raw); err != nil {
				panic(fmt.Errorf("bench: %s: %w", name, err))
			}
		}
	}}
}

// refusing is accepting for a token that must be refused.
func refusing(name, raw string, check verify) subject {
	return subject{name: name, run: func(n int) {
		for range n {
			if check(raw) == nil {
				panic(fmt.Errorf("bench: %s: accepted", name))
			}
		}
	}}
}

func libraries(i *issuer, alg string) ([]subject, error) {
	raw := i.token(alg, nil)
	subjects := []subject{bareSubject(i, nameBare, raw)}
	for _, c := range candidates {
		if c.alg != "" && c.alg != alg {
			continue
		}
		check, err := c.make(i, alg)
		if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", c.name, err)
		}
		subjects = append(subjects, accepting(c.name, c.prefix+raw, check))
	}
	plain := i.token(alg, claims{"permissions": nil, "aud": audience})
	cold, err := newPostern(i, alg, -1)
	if err != nil {
		return nil, err
	}
	large := i.token(alg, claims{"roles": roles()})
	return append(subjects,
		bareSubject(i, namePlainBare, plain), accepting(namePlainCold, plain, cold),
		bareSubject(i, nameLargeBare, large), accepting(nameLargeCold, large, cold),
	), nil
}

// roles are those of somebody who has many, with names as long as some issuers make them.
func roles() []string {
	list := make([]string, 60)
	for n := range list {
		list[n] = fmt.Sprintf("https://roles.example.com/departments/%04d/applications/hello-world/administrator-of-messages-%04d", n, n)
	}
	return list
}

func bareSubject(i *issuer, name, raw string) subject {
	check := i.bare(raw)
	return accepting(name, raw, func(string) error { return check() })
}

// garbage is what is refused without a signature check. A key id that the issuer does not have is not
// here: its refusal waits for a fetch of the keys, so it costs time and no CPU.
func garbage(i *issuer) []struct{ name, raw string } {
	good := i.token(rs256, nil)
	parts := strings.Split(good, ".")
	header := func(changes claims) string {
		h := claims{"alg": rs256, "typ": "JWT", "kid": keyID(rs256)}
		for name, value := range changes {
			h[name] = value
		}
		return encode(mustJSON(h)) + "." + parts[1] + "." + parts[2]
	}
	return []struct{ name, raw string }{
		{"garbage: opaque", opaqueToken},
		{"garbage: 17 KB", strings.Repeat("A", 17<<10)},
		{nameSignatureCut, good[:len(good)-342+40]}, // to 30 bytes: base64, whatever they are
		{"garbage: no base64", good[:len(good)-1] + "="},
		{"garbage: payload no JSON", parts[0] + "." + parts[1][:len(parts[1])-8] + "." + parts[2]},
		{"garbage: alg none", header(claims{"alg": "none"})},
		{"garbage: alg HS256", header(claims{"alg": "HS256"})},
		{"garbage: header with crit", header(claims{"crit": []string{"exp"}})},
		{"garbage: wrong iss", i.token(rs256, claims{"iss": "https://login.example.org"})},
		{"garbage: wrong aud", i.token(rs256, claims{"aud": "https://other.example.com"})},
		{"garbage: no exp", i.token(rs256, claims{"exp": nil})},
	}
}

// refusals are the costs that an attacker chooses, at a Verifier as it comes, and the caches' hits.
func refusals(i *issuer) ([]subject, error) {
	raw := i.token(rs256, nil)
	hot, err := newPostern(i, rs256, 0)
	if err != nil {
		return nil, err
	}
	cold, err := newPostern(i, rs256, -1)
	if err != nil {
		return nil, err
	}
	cached, err := newIntrospection(i)
	if err != nil {
		return nil, err
	}
	subjects := []subject{
		bareSubject(i, nameBare, raw),
		accepting(nameCold, raw, cold),
		refusing(nameForged, forged(raw), hot),
		accepting(nameHot, raw, hot),
		accepting(nameIntrospection, opaqueToken, cached),
	}
	for _, g := range garbage(i) {
		subjects = append(subjects, refusing(g.name, g.raw, hot))
	}
	flood, next := i.expired(5000), 0
	good, err := i.wasGood(raw)
	if err != nil {
		return nil, err
	}
	return append(subjects,
		refusing(nameGarbageOld, "", func(string) error {
			next = (next + 1) % len(flood)
			return hot(flood[next])
		}),
		refusing(nameEnded, flood[0], hot),
		refusing(nameWasGood, raw, good),
	), nil
}

// expired returns tokens that have ended, each another. Their signature is not theirs, which nobody comes to
// look at.
func (i *issuer) expired(n int) []string {
	one := i.token(rs256, nil)
	head, signature := one[:strings.IndexByte(one, '.')+1], one[strings.LastIndexByte(one, '.'):]
	set := i.usual()
	set["exp"] = i.now.Add(-time.Hour).Unix()
	tokens := make([]string, n)
	for k := range tokens {
		set["jti"] = fmt.Sprintf("3b1f9a52c7%06d", k)
		tail := encode(fmt.Appendf(nil, "%024d", k)) // as another signature would end
		tokens[k] = head + encode(mustJSON(set)) + signature[:len(signature)-len(tail)-2] + tail + signature[len(signature)-2:]
	}
	return tokens
}

// wasGood returns a Verifier that remembers the token, which has ended since.
func (i *issuer) wasGood(raw string) (verify, error) {
	now := i.now
	verifier, err := jwt.NewVerifier(jwt.Config{
		Issuer: issuerURL, Audience: audience, Algorithms: []string{rs256}, HTTPClient: i.client(),
		Now: func() time.Time { return now },
	})
	if err != nil {
		return nil, err
	}
	check := func(raw string) error {
		_, err := verifier.Verify(context.Background(), raw)
		return err
	}
	err = check(raw)
	now = now.Add(2 * time.Hour)
	return check, err
}

const opaqueToken = "vN3pQ8xT5cW2rY7kL0mZ4bH9sJ6dF1gA"

func introspectionVerifier(i *issuer) (*introspection.Verifier, error) {
	return introspection.NewVerifier(introspection.Config{
		Issuer: issuerURL, Audience: audience, Auth: clientauth.SecretBasic("hello-world", "vN3pQ8xT5cW2rY7kL0mZ4bH9"),
		HTTPClient: i.client(), MaxAge: time.Hour,
	})
}

func newIntrospection(i *issuer) (verify, error) {
	verifier, err := introspectionVerifier(i)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(raw string) error {
		token, err := verifier.Verify(ctx, raw)
		if err == nil && !token.HasScope("read:messages") {
			return errors.New("bench: token has lost its scope")
		}
		return err
	}, nil
}
