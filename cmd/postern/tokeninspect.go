package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/inspect"
	"github.com/postern-auth/postern/internal/roots"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/spf13/cobra"
)

// inspection is what "token inspect" is told.
type inspection struct {
	issuer, audience, jwksURL, introspectionURL string
	proof                                       clientProof
	json, decodeOnly                            bool
	introspects                                 bool // the issuer is asked, its keys are not used
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
When the environment has what that needs, of a JWT for its API too whether it was revoked.

A header, quotes, the JSON answer of a token endpoint or a URL around the token are taken off.

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

// readToken reads the token that the arguments name, and takes off what is around it.
func readToken(e *env, args []string) (string, error) {
	text, err := "", error(nil)
	if len(args) == 1 && args[0] != "-" {
		text = args[0]
	} else {
		if terminal(e.stdin) {
			fmt.Fprintln(e.stderr, "postern: reading the token from the terminal; end it with Ctrl-D")
		}
		if text, err = readSecret(e, "-"); err != nil {
			return "", err
		}
	}
	token, from, err := inspect.Unwrap(text)
	if err == nil && from != "" {
		fmt.Fprintf(e.stderr, "postern: took the token out of %s\n", from)
	}
	return token, err
}

func (i *inspection) run(ctx context.Context, e *env, raw string) error {
	content, unreadable := inspect.Decode(raw)
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
	asked := i.complete(getenv, content)
	if err := checkIssuer(i.issuer); err != nil {
		return err
	}
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
	if err == nil && !i.introspects {
		r.token, r.revocation, r.err = i.askRevoked(ctx, e, getenv, raw, token, asked)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.err != nil {
		r.advice, r.checks = i.advise(r.err, content), i.checks(raw, content, r.err)
	}
	if err := i.report(e, r); err != nil {
		return err
	}
	return r.refusal()
}

// askRevoked asks the issuer about a JWT that its keys have verified, when the environment holds what that
// needs, and says in words what was found or why nobody was asked.
func (i *inspection) askRevoked(ctx context.Context, e *env, getenv func(string) string, raw string, token *postern.Token, possible bool) (*postern.Token, string, error) {
	if !possible {
		return token, "not asked: that needs --client-id and --client-secret-file, or --key-file, of this API", nil
	}
	asking := *i
	asking.proof.complete(environmentAPI(getenv))
	verifier, err := asking.introspection(e, getenv)
	if err != nil {
		return token, "not asked: " + inFlags(err.Error()), nil
	}
	_, err = verifier.Verify(ctx, raw)
	switch {
	case errors.Is(err, postern.ErrUnavailable):
		return token, "not known: " + inFlags(err.Error()), nil
	case err != nil:
		return nil, "", err
	}
	return token, "no, says the issuer", nil
}

// environmentAPI is how the API of the environment proves itself.
func environmentAPI(getenv func(string) string) clientProof {
	return clientProof{
		id:      first(getenv("API_CLIENT_ID"), getenv("CLIENT_ID")),
		secret:  first(getenv("API_CLIENT_SECRET"), getenv("CLIENT_SECRET")),
		keyFile: getenv("API_PRIVATE_KEY_FILE"),
	}
}

// complete fills in from the environment what the flags leave open: of its two issuers and their audiences
// those that the token names, since none of it is trusted until it is verified. It reports whether the
// environment's API can ask about a JWT.
func (i *inspection) complete(getenv func(string) string, content *inspect.Content) bool {
	auth0 := "https://" + getenv("AUTH0_DOMAIN") + "/"
	if i.issuer == "" && getenv("AUTH0_DOMAIN") != "" && content.Claim("iss") == auth0 {
		i.issuer = auth0
		for _, name := range []string{"API_IDENTIFIER", "AUTH0_AUDIENCE"} {
			if i.audience == "" && content.HasAudience(getenv(name)) {
				i.audience = getenv(name)
			}
		}
		i.audience = first(i.audience, getenv("API_IDENTIFIER"), getenv("AUTH0_AUDIENCE"))
	}
	if i.introspectionURL == "" && i.issuer == "" {
		i.introspectionURL = getenv("ZITADEL_INTROSPECTION_URL")
	}
	i.issuer = first(i.issuer, getenv("ZITADEL_DOMAIN"))
	i.audience = first(i.audience, getenv("PROJECT_ID"))
	i.introspects = content == nil || i.proof.given()
	api := environmentAPI(getenv)
	if i.introspects {
		i.proof.complete(api)
	}
	// The environment's client is of one API at one issuer: of another's token it would be told nothing.
	here := i.issuer == getenv("ZITADEL_DOMAIN") && (i.audience == getenv("PROJECT_ID") || i.audience == api.id)
	return here && (api.keyFile != "" || api.id != "" && api.secret != "")
}

// verifier returns what can judge the token: the issuer's keys, or the issuer itself. The error unreadable
// says why the token is not a JWT, if it is not one.
func (i *inspection) verifier(e *env, getenv func(string) string, unreadable error) (postern.Verifier, error) {
	proof := first(i.proof.secret, i.proof.secretFile, i.proof.keyFile)
	if i.introspects && proof == "" {
		return nil, noJWT(unreadable)
	}
	wants := []want{{i.issuer, "the issuer: give --issuer or set ZITADEL_DOMAIN"}}
	if i.introspects {
		wants = append(wants, want{first(i.proof.id, i.proof.keyFile), "the client id: give --client-id or set API_CLIENT_ID or CLIENT_ID"})
	} else {
		wants = append(wants, want{i.audience, "the audience: give --audience or set PROJECT_ID, or give --decode-only to verify nothing"})
	}
	if err := missing(wants...); err != nil {
		return nil, err
	}
	if i.introspects {
		return i.introspection(e, getenv)
	}
	client, err := roots.Client(getenv)
	if err != nil {
		return nil, err
	}
	return jwt.NewVerifier(jwt.Config{
		Issuer: i.issuer, Audience: i.audience, JWKSURL: i.jwksURL, HTTPClient: client,
	})
}

// noJWT says what to do about a token that cannot be decoded.
func noJWT(unreadable error) error {
	if errors.Is(unreadable, inspect.ErrDamaged) {
		return fmt.Errorf("token %w: copy it again, whole", unreadable)
	}
	return fmt.Errorf("token is not a JWT (%w); if it is whole, only its server knows what it says: "+
		"give --client-id and --client-secret-file, or --key-file, of a client that may introspect it", unreadable)
}

// introspection returns what asks the issuer.
func (i *inspection) introspection(e *env, getenv func(string) string) (postern.Verifier, error) {
	client, err := roots.Client(getenv)
	if err != nil {
		return nil, err
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

// checks are all those of a JWT that was refused, also after the first that has failed: those of the console. Of key
// and signature the verifier has judged, if it came that far.
func (i *inspection) checks(raw string, content *inspect.Content, refused error) []inspect.Check {
	if content == nil || i.introspects {
		return nil
	}
	checks := inspect.JWT(raw, content, inspect.Want{Issuers: []string{i.issuer}, Audience: []string{i.audience}, Now: time.Now()})
	for n := range checks {
		c := &checks[n]
		switch {
		case c.Name == inspect.Key && errors.Is(refused, postern.ErrUnknownKey):
			c.Outcome, c.Fault = inspect.Failed, inspect.UnknownKey
		case c.Name == inspect.Key && errors.Is(refused, postern.ErrSignature),
			(c.Name == inspect.Key || c.Name == inspect.Signature) && errors.Is(refused, postern.ErrInactive): // its issuer was asked after that
			c.Outcome = inspect.Passed
		case c.Name == inspect.Signature && errors.Is(refused, postern.ErrSignature) && !errors.Is(refused, postern.ErrUnknownKey):
			c.Outcome, c.Fault = inspect.Failed, inspect.Tampered
		case c.Name == inspect.Time && c.Fault == inspect.ClockAhead && errors.Is(refused, postern.ErrNotYetValid):
			c.Outcome = inspect.Failed // by more than the verifier lets pass
		}
	}
	return checks
}

// advise says what to do about a refusal, beside what the error says was expected and found.
func (i *inspection) advise(err error, content *inspect.Content) string {
	switch algorithm := content.Algorithm(); {
	case strings.HasPrefix(algorithm, "HS"):
		return fmt.Sprintf("the token is signed with a secret (%s) that whoever checks it could sign with too. "+
			"Have the issuer sign with a key: RS256, PS256, ES256 or EdDSA", algorithm)
	case strings.EqualFold(algorithm, "none"):
		return "the token is not signed: anybody can have written it. Have the issuer sign with a key"
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
	if content != nil {
		if _, ends := content.Claims.Lookup("exp"); !ends {
			return "get a token that ends: the issuer has to put exp into it"
		}
	}
	return "send the access token, whole and unchanged"
}

func (i *inspection) adviseIssuer(content *inspect.Content) string {
	found := content.Claim("iss")
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
