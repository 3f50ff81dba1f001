package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/roots"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// inspection is what "token inspect" is told.
type inspection struct {
	issuer, audience, jwksURL, introspectionURL string
	proof                                       clientProof
	json, decodeOnly                            bool
}

func newInspectCommand(e *env) *cobra.Command {
	var i inspection
	c := &cobra.Command{
		Use:   "inspect [TOKEN|-]",
		Short: "Verify an access token and show what it says",
		Long: `Verify an access token as an API would, and show what it says or why it is refused.

	postern token jwt-profile | postern token inspect - --issuer https://login.example.com --audience https://api.example.com

A JWT is verified with the keys of the issuer. What another token says only its server knows: with
--client-id and --client-secret-file, or with --key-file, it is asked, by introspection (RFC 7662).

Without TOKEN, and with -, the token is read from standard input. What stands on the command line can be
read by other users of the machine.
` + variablesHelp,
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := readToken(e, args)
			if err != nil {
				return usage("token: %w", err)
			}
			return i.run(c.Context(), e, raw)
		},
	}
	f := c.Flags()
	f.StringVar(&i.issuer, "issuer", "", "issuer `URL` that the token must be from (default $ZITADEL_DOMAIN)")
	f.StringVar(&i.audience, "audience", "", "`API` that the token must be for (default $PROJECT_ID)")
	f.StringVar(&i.jwksURL, "jwks-url", "", "`URL` of the issuer's keys (default what the issuer's metadata says)")
	f.StringVar(&i.introspectionURL, "introspection-url", "", "`URL` to introspect at (default $ZITADEL_INTROSPECTION_URL, or what the issuer's metadata says)")
	i.proof.flags(c, "$API_CLIENT_ID, $CLIENT_ID")
	f.BoolVar(&i.json, "json", false, "print the result as JSON")
	f.BoolVar(&i.decodeOnly, "decode-only", false, "show what a JWT says without verifying it")
	return c
}

// readToken reads the token that the arguments name.
func readToken(e *env, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if file, ok := e.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintln(e.stderr, "postern: reading the token from the terminal; end it with Ctrl-D")
	}
	token, err := readSecret(e, "-")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(token), nil
}

func (i *inspection) run(ctx context.Context, e *env, raw string) error {
	content, unreadable := decodeJWT(raw)
	if i.decodeOnly {
		if unreadable != nil {
			return fmt.Errorf("token cannot be decoded: %w", unreadable)
		}
		return i.report(e, result{content: content})
	}
	getenv, err := e.environ()
	if err != nil {
		return err
	}
	i.complete(getenv, content == nil)
	verifier, err := i.verifier(e, getenv, unreadable)
	if err != nil {
		return usage("%w", err)
	}
	token, err := verifier.Verify(ctx, raw)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, postern.ErrUnavailable) {
		return undecided(err)
	}
	r := result{content: content, token: token, err: err}
	if err != nil {
		r.advice = i.advise(err, content)
	}
	if err := i.report(e, r); err != nil {
		return err
	}
	return r.refusal()
}

// complete fills in from the environment what the flags leave open.
func (i *inspection) complete(getenv func(string) string, opaque bool) {
	if i.introspectionURL == "" && i.issuer == "" {
		i.introspectionURL = getenv("ZITADEL_INTROSPECTION_URL")
	}
	i.issuer = first(i.issuer, getenv("ZITADEL_DOMAIN"))
	i.audience = first(i.audience, getenv("PROJECT_ID"))
	if opaque || i.proof.given() {
		i.proof.complete(clientProof{
			id:      first(getenv("API_CLIENT_ID"), getenv("CLIENT_ID")),
			secret:  first(getenv("API_CLIENT_SECRET"), getenv("CLIENT_SECRET")),
			keyFile: getenv("API_PRIVATE_KEY_FILE"),
		})
	}
}

// verifier returns what can judge the token: the issuer's keys, or the issuer itself. The error unreadable
// says why the token is not a JWT, if it is none.
func (i *inspection) verifier(e *env, getenv func(string) string, unreadable error) (postern.Verifier, error) {
	introspect := unreadable != nil || i.proof.given()
	proof := first(i.proof.secret, i.proof.secretFile, i.proof.keyFile)
	if introspect && proof == "" {
		return nil, fmt.Errorf("token is not a JWT (%w); if it is whole, only its server knows what it says: "+
			"give --client-id and --client-secret-file, or --key-file, of a client that may introspect it", unreadable)
	}
	wants := []want{{i.issuer, "the issuer: give --issuer or set ZITADEL_DOMAIN"}}
	if introspect {
		wants = append(wants, want{first(i.proof.id, i.proof.keyFile), "the client id: give --client-id or set API_CLIENT_ID or CLIENT_ID"})
	} else {
		wants = append(wants, want{i.audience, "the audience: give --audience or set PROJECT_ID, or give --decode-only to verify nothing"})
	}
	if err := missing(wants...); err != nil {
		return nil, err
	}
	client, err := roots.Client(getenv)
	if err != nil {
		return nil, err
	}
	if !introspect {
		return jwt.NewVerifier(jwt.Config{
			Issuer: i.issuer, Audience: i.audience, JWKSURL: i.jwksURL, HTTPClient: client,
		})
	}
	auth, err := i.proof.method(e)
	if err != nil {
		return nil, err
	}
	return introspection.NewVerifier(introspection.Config{
		Issuer: i.issuer, Endpoint: i.introspectionURL, Auth: auth,
		Audience: i.audience, AudienceCheckedByServer: true,
		ClaimNames: postern.ClaimNames{Roles: []string{"roles", "urn:zitadel:iam:org:project:roles"}},
		Accept:     func(string) bool { return true },
		MaxAge:     -1,
		HTTPClient: client,
	})
}

// advise says what to do about a refusal, beside what the error says was expected and found.
func (i *inspection) advise(err error, content *content) string {
	switch {
	case errors.Is(err, postern.ErrIssuer):
		return i.adviseIssuer(content)
	case errors.Is(err, postern.ErrAudience):
		return fmt.Sprintf("the token is for another API. Ask for one for this API (scope urn:zitadel:iam:org:project:id:%s:aud "+
			"at servers in the manner of ZITADEL, audience %s at those of Auth0), or give the --audience that the API is known by", i.audience, i.audience)
	case errors.Is(err, postern.ErrExpired):
		return "get a new token. If it is new, the clock of this machine is ahead"
	case errors.Is(err, postern.ErrNotYetValid):
		return "if the token is new, the clock of this machine is behind, by what the error says"
	case errors.Is(err, postern.ErrSignature):
		return "the token was changed or cut on its way, or it is from another server that goes by the same issuer"
	case errors.Is(err, postern.ErrInactive):
		return "the token has ended or was revoked, the server does not know it, or it is not meant for the client that asked"
	}
	return "send the access token, whole and unchanged"
}

func (i *inspection) adviseIssuer(content *content) string {
	found := content.claim("iss")
	if strings.TrimSuffix(found, "/") == strings.TrimSuffix(i.issuer, "/") {
		return fmt.Sprintf("the two differ by the slash at the end alone, and that counts: configure the issuer as %q", found)
	}
	return "get a token from the issuer that is expected, or give the --issuer that the API is to trust"
}

// report prints the result on standard output.
func (i *inspection) report(e *env, r result) error {
	if i.json {
		return printJSON(e.stdout, r.object())
	}
	_, err := io.WriteString(e.stdout, r.text(newPalette(e), time.Now()))
	return err
}
