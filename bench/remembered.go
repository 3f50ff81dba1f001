package main

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

const groupRemembered = "remembered tokens"

// The rows of tokens that are verified again, by how many there are, and by what stands in front of their
// verifier.
const (
	nameHot1      = "1 live token"
	nameHot1000   = "1,000 live tokens"
	nameHot50000  = "50,000 live tokens"
	nameRead50000 = "reading 50,000 headers alone"
	nameByIssuer  = "ByIssuers of two, 1,000 live"
	nameFirstOf   = "FirstOf, opaque token"
	nameFirstUse  = "first use of each token"
	nameFirstFast = "first use of each token, fastrsa"
)

// manyBytes is room for 50,000 tokens.
const manyBytes = 128 << 20

// remembered are tokens that a Verifier has verified before. Every request brings its token in memory of its
// own, as requests do; the tokens lie there in the order of their arrival, which is not that in which they
// were verified first. Where they are so many that this memory is cold, each is copied first, as a server
// reads it from a connection, and a row of its own has what that takes alone.
func remembered(i *issuer) ([]subject, error) {
	raw := i.token(rs256, nil)
	subjects := []subject{bareSubject(i, nameBare, raw)}
	ctx := context.Background()
	for _, live := range []struct {
		name string
		n    int
	}{{nameHot1, 1}, {nameHot1000, 1000}, {nameHot50000, 50_000}} {
		verifier, err := posternVerifier(i, es256, manyBytes)
		if err != nil {
			return nil, err
		}
		tokens, err := verified(verifier, i.many(es256, live.n))
		if err != nil {
			return nil, err
		}
		if live.name == nameHot50000 {
			read := &header{tokens: tokens}
			subjects = append(subjects, read.alone(nameRead50000), read.then(live.name, verifier))
			continue
		}
		subjects = append(subjects, cycling(live.name, tokens, verifier))
	}
	one, err := posternVerifier(i, es256, manyBytes)
	if err != nil {
		return nil, err
	}
	other, err := jwt.NewVerifier(jwt.Config{Issuer: "https://login.example.org", Audience: audience, HTTPClient: i.client()})
	if err != nil {
		return nil, err
	}
	both := postern.ByIssuers(other, one)
	tokens, err := verified(both, i.many(es256, 1000))
	if err != nil {
		return nil, err
	}
	subjects = append(subjects, cycling(nameByIssuer, tokens, both))
	opaque, err := introspectionVerifier(i)
	if err != nil {
		return nil, err
	}
	chain := postern.FirstOf(one, opaque)
	subjects = append(subjects, accepting(nameFirstOf, opaqueToken, func(raw string) error {
		_, err := chain.Verify(ctx, raw)
		return err
	}))
	first, err := firstUses(i)
	if err != nil {
		return nil, err
	}
	return append(subjects, first...), nil
}

// many returns tokens that differ as those of one issuer do.
func (i *issuer) many(alg string, n int) []string {
	tokens := make([]string, n)
	for k := range tokens {
		tokens[k] = i.token(alg, claims{"sub": fmt.Sprintf("auth0|65f0c2a94e7d2b0d6c%06d", k), "jti": fmt.Sprintf("3b1f9a52c7%06d", k)})
	}
	return tokens
}

// verified has the tokens verified, and returns them as they arrive later: each in a place of its own.
func verified(verifier postern.Verifier, tokens []string) ([]string, error) {
	for _, raw := range tokens {
		if _, err := verifier.Verify(context.Background(), raw); err != nil {
			return nil, err
		}
	}
	var arrived strings.Builder
	order := make([]int, len(tokens))
	const stride = 7919 // a prime that divides none of the numbers of tokens: every one has its turn
	for k := range order {
		order[k] = k * stride % len(tokens)
		arrived.WriteString(tokens[order[k]])
	}
	text, later := arrived.String(), make([]string, len(tokens))
	for k, at := range order {
		later[k], text = text[:len(tokens[at])], text[len(tokens[at]):]
	}
	return later, nil
}

// cycling returns a subject that verifies one token after the other.
func cycling(name string, tokens []string, verifier postern.Verifier) subject {
	ctx, next := context.Background(), 0
	return subject{name: name, run: func(n int) {
		for range n {
			if _, err := verifier.Verify(ctx, tokens[next]); err != nil {
				panic(fmt.Errorf("bench: %s: %w", name, err))
			}
			if next++; next == len(tokens) {
				next = 0
			}
		}
	}}
}

// header is where a server reads one token after the other into.
type header struct {
	tokens []string
	next   int
	text   [2 << 10]byte
}

// read copies the next token and returns the copy, which is good until the next one is read.
func (h *header) read() string {
	n := copy(h.text[:], h.tokens[h.next])
	if h.next++; h.next == len(h.tokens) {
		h.next = 0
	}
	return unsafe.String(&h.text[0], n)
}

func (h *header) alone(name string) subject {
	return subject{name: name, run: func(n int) {
		for range n {
			if h.read() == "" {
				panic("bench: an empty token")
			}
		}
	}}
}

func (h *header) then(name string, verifier postern.Verifier) subject {
	ctx := context.Background()
	return subject{name: name, run: func(n int) {
		for range n {
			if _, err := verifier.Verify(ctx, h.read()); err != nil {
				panic(fmt.Errorf("bench: %s: %w", name, err))
			}
		}
	}}
}

// firstUses are what the first check of a token costs a Verifier as it comes: it is verified and remembered.
// When all have been, they are forgotten, and it begins anew.
func firstUses(i *issuer) ([]subject, error) {
	tokens := i.many(rs256, 500)
	var subjects []subject
	for _, use := range []struct {
		name     string
		verifier func() (*jwt.Verifier, error)
	}{
		{nameFirstUse, func() (*jwt.Verifier, error) { return posternVerifier(i, rs256, 0) }},
		{nameFirstFast, func() (*jwt.Verifier, error) { return fastVerifier(i, 0) }},
	} {
		verifier, err := use.verifier()
		if err != nil {
			return nil, err
		}
		again := cycling(use.name, tokens, verifier)
		left := 0
		subjects = append(subjects, subject{name: use.name, run: func(n int) {
			for n > 0 {
				if left == 0 {
					verifier.Revoke(func(*postern.Token) bool { return true })
					left = len(tokens)
				}
				some := min(n, left)
				again.run(some)
				n, left = n-some, left-some
			}
		}})
	}
	return subjects, nil
}
