package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// verdict is a token and what a verifier has to say about it.
type verdict struct {
	name  string
	raw   string
	good  bool
	merit bool // a wrong answer is reported and no reason not to measure the candidate
}

func verdicts(i *issuer, alg string) []verdict {
	good := i.token(alg, nil)
	hour := func(n int) int64 { return i.now.Add(time.Duration(n) * time.Hour).Unix() }
	return []verdict{
		{name: "good", raw: good, good: true},
		{name: "tampered", raw: tampered(good)},
		{name: "forged", raw: forged(good)},
		{name: "expired", raw: i.token(alg, claims{"exp": hour(-1)})},
		{name: "wrong iss", raw: i.token(alg, claims{"iss": "https://login.example.org"})},
		{name: "wrong aud", raw: i.token(alg, claims{"aud": "https://other.example.com"})},
		{name: "no exp", raw: i.token(alg, claims{"exp": nil}), merit: true},
		{name: "nbf ahead", raw: i.token(alg, claims{"nbf": hour(1)}), merit: true},
	}
}

// tampered returns the token with a letter of its subject changed and the signature as it was.
func tampered(raw string) string {
	parts := strings.Split(raw, ".")
	payload := []byte(mustDecode(parts[1]))
	at := strings.Index(string(payload), "65f0c2a9")
	payload[at] = '7'
	return parts[0] + "." + encode(payload) + "." + parts[2]
}

// forged returns the token with one bit of the signature changed.
func forged(raw string) string {
	dot := strings.LastIndexByte(raw, '.')
	signature := mustDecode(raw[dot+1:])
	signature[len(signature)/2] ^= 1
	return raw[:dot+1] + encode(signature)
}

// checkCandidates asks every candidate about every token and writes a table of the answers. The error
// names the first candidate that is not fit to be compared.
func checkCandidates(w io.Writer, i *issuer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var wrong error
	for _, alg := range []string{rs256, es256} {
		tokens := verdicts(i, alg)
		fmt.Fprint(table, alg)
		for _, v := range tokens {
			fmt.Fprint(table, "\t", v.name)
		}
		fmt.Fprintln(table)
		for _, c := range candidates {
			if c.alg != "" && c.alg != alg {
				continue
			}
			check, err := c.make(i, alg)
			if err != nil {
				return fmt.Errorf("bench: %s: %w", c.name, err)
			}
			fmt.Fprint(table, c.name)
			for _, v := range tokens {
				accepted := check(c.prefix+v.raw) == nil
				fmt.Fprint(table, "\t", word(accepted, v.good))
				if accepted != v.good && !v.merit && wrong == nil {
					wrong = fmt.Errorf("bench: %s, %s: token %q: accepted is %t", c.name, alg, v.name, accepted)
				}
			}
			fmt.Fprintln(table)
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return wrong
}

func word(accepted, good bool) string {
	text := "refused"
	if accepted {
		text = "accepted"
	}
	if accepted != good {
		text = strings.ToUpper(text)
	}
	return text
}
