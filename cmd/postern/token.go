package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/roots"
	"github.com/postern-auth/postern/serviceuser"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
)

// newTokenCommand returns the commands around access tokens.
func newTokenCommand(e *env) *cobra.Command {
	return group("token", "Get an access token, or look into one",
		newJWTProfileCommand(e),
		newClientCredentialsCommand(e),
		newInspectCommand(e),
	)
}

// tokenRequest is what the commands that get a token are told by flags.
type tokenRequest struct {
	issuer, tokenURL, audience string
	scopes                     []string
	json                       bool
}

// variablesHelp ends the help of the commands that read the environment.
const variablesHelp = `
What no flag says is read from the environment or the .env file. CA_FILE and SSL_CERT_FILE name
certificates to trust beside the system's.`

// command returns the command that gets a token from the source and prints it. An error of source is one
// of usage, for it has made no call.
func (r *tokenRequest) command(e *env, name string, source func(getenv func(string) string) (*serviceuser.Source, error)) *cobra.Command {
	c := &cobra.Command{
		Use:  name,
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			getenv, err := e.environ()
			if err != nil {
				return err
			}
			r.complete(getenv)
			if err := checkIssuer(r.issuer); err != nil {
				return err
			}
			s, err := source(getenv)
			if err != nil {
				return usage("%w", err)
			}
			return r.print(c.Context(), e, s)
		},
	}
	f := c.Flags()
	f.StringVar(&r.issuer, "issuer", "", "issuer `URL` of the authorization server (default $ZITADEL_DOMAIN; with --audience https://$AUTH0_DOMAIN/, if that is set)")
	f.StringVar(&r.tokenURL, "token-url", "", "token endpoint `URL` (default $ZITADEL_TOKEN_URL, or what the issuer's metadata says)")
	f.StringVar(&r.audience, "audience", "", "`API` that the token is for, at servers in the manner of Auth0")
	f.StringArrayVar(&r.scopes, "scope", nil, "`scope` to ask for; repeatable (default without --audience what the samples ask for in project $PROJECT_ID, else none)")
	f.BoolVar(&r.json, "json", false, "print the token with its type, end and scope as JSON")
	return c
}

// complete fills in from the environment what the flags leave open. A token for an audience is asked for in
// the manner of Auth0: by that dialect's issuer, where there is one, and without the scopes of ZITADEL's.
func (r *tokenRequest) complete(getenv func(string) string) {
	if domain := getenv("AUTH0_DOMAIN"); domain != "" && r.audience != "" && r.issuer == "" && r.tokenURL == "" {
		r.issuer = "https://" + domain + "/"
	}
	// A token endpoint belongs to its issuer: that of the environment must not get what is meant for
	// another.
	if r.tokenURL == "" && r.issuer == "" {
		r.tokenURL = getenv("ZITADEL_TOKEN_URL")
	}
	r.issuer = first(r.issuer, getenv("ZITADEL_DOMAIN"))
	r.scopes = strings.Fields(strings.Join(r.scopes, " "))
	if project := getenv("PROJECT_ID"); project != "" && len(r.scopes) == 0 && r.audience == "" {
		r.scopes = []string{"openid", "profile", "email", "urn:zitadel:iam:org:project:id:" + project + ":aud", "read:messages"}
	}
}

func newJWTProfileCommand(e *env) *cobra.Command {
	var request tokenRequest
	var keyFile string
	c := request.command(e, "jwt-profile", func(getenv func(string) string) (*serviceuser.Source, error) {
		return jwtProfile(request, keyFile, getenv)
	})
	c.Short = "Get a token for a service user with its key"
	c.Long = `Get an access token for a service user by an assertion that its key signs (RFC 7523 §2.1), and print it.

	TOKEN=$(postern token jwt-profile --issuer https://login.example.com --key-file key.json)
` + variablesHelp
	c.Flags().StringVar(&keyFile, "key-file", "", "key `file` of the service user (default $SERVICE_USER_KEY_FILE, $CLIENT_PRIVATE_KEY_FILE_PATH)")
	return c
}

func jwtProfile(r tokenRequest, keyFile string, getenv func(string) string) (*serviceuser.Source, error) {
	keyFile = first(keyFile, getenv("SERVICE_USER_KEY_FILE"), getenv("CLIENT_PRIVATE_KEY_FILE_PATH"))
	if err := missing(
		want{r.issuer, "the issuer: give --issuer or set ZITADEL_DOMAIN"},
		want{keyFile, "the key file: give --key-file or set SERVICE_USER_KEY_FILE or CLIENT_PRIVATE_KEY_FILE_PATH"},
	); err != nil {
		return nil, err
	}
	key, err := clientauth.ReadKeyFile(keyFile)
	if err != nil {
		return nil, err
	}
	client, err := roots.Client(getenv)
	if err != nil {
		return nil, err
	}
	return serviceuser.JWTProfile{
		Issuer: r.issuer, TokenURL: r.tokenURL, Key: key,
		Scopes: r.scopes, Audience: r.audience, HTTPClient: client,
	}.Source()
}

func newClientCredentialsCommand(e *env) *cobra.Command {
	var request tokenRequest
	var proof clientProof
	var name string
	c := request.command(e, "client-credentials", func(getenv func(string) string) (*serviceuser.Source, error) {
		return clientCredentials(e, request, proof, name, getenv)
	})
	c.Short = "Get a token for a client with its secret or key"
	c.Long = `Get an access token by the client credentials grant (RFC 6749 §4.4), and print it.

	TOKEN=$(postern token client-credentials --issuer https://login.example.com --client-id robot --client-secret-file secret)
` + variablesHelp
	proof.flags(c, "$SERVICE_USER_CLIENT_ID, $CLIENT_ID; with --audience $M2M_CLIENT_ID first")
	c.Flags().StringVar(&name, "client", "", "`name` of a client in the environment, such as m2m for $M2M_CLIENT_ID and $M2M_CLIENT_SECRET")
	return c
}

// environmentClients are the names of clients that dev.env has.
var environmentClients = []string{"service-user", "service-user-without-role", "service-user-jwt", "m2m", "m2m-without-scope"}

// prefix returns how the variables of a client begin.
func prefix(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_"
}

// environmentProof returns how a client of the environment proves itself. Id and proof are of one client,
// never mixed. Without a name it is the client that the environment is about.
func environmentProof(name string, r tokenRequest, getenv func(string) string) (clientProof, error) {
	if name == "" {
		if r.audience != "" && getenv("M2M_CLIENT_ID") != "" && getenv("M2M_CLIENT_SECRET") != "" {
			return environmentProof("m2m", r, getenv)
		}
		return clientProof{
			id:      first(getenv("SERVICE_USER_CLIENT_ID"), getenv("CLIENT_ID")),
			secret:  first(getenv("SERVICE_USER_CLIENT_SECRET"), getenv("CLIENT_SECRET")),
			keyFile: first(getenv("SERVICE_USER_KEY_FILE"), getenv("CLIENT_PRIVATE_KEY_FILE_PATH")),
		}, nil
	}
	p := prefix(name)
	if id := getenv(p + "CLIENT_ID"); id != "" {
		return clientProof{id: id, secret: getenv(p + "CLIENT_SECRET"), keyFile: getenv(p + "KEY_FILE")}, nil
	}
	offered := slices.DeleteFunc(slices.Clone(environmentClients), func(name string) bool { return getenv(prefix(name)+"CLIENT_ID") == "" })
	if len(offered) == 0 {
		return clientProof{}, &missingError{[]string{fmt.Sprintf("the client %.64q: neither the environment nor the .env file has %.64s", name, p+"CLIENT_ID")}}
	}
	return clientProof{}, usage("no client %.64q: %.64s is not set. The environment has %s", name, p+"CLIENT_ID", strings.Join(offered, ", "))
}

func clientCredentials(e *env, r tokenRequest, proof clientProof, name string, getenv func(string) string) (*serviceuser.Source, error) {
	if name != "" && (proof.id != "" || proof.given()) {
		return nil, usage("--client names id and proof: leave --client-id, --client-secret-file and --key-file out")
	}
	environment, err := environmentProof(name, r, getenv)
	if err != nil {
		return nil, err
	}
	proof.complete(environment)
	if err := missing(
		want{first(r.issuer, r.tokenURL), "the issuer: give --issuer or set ZITADEL_DOMAIN"},
		want{first(proof.id, proof.keyFile), "the client id: give --client-id or set SERVICE_USER_CLIENT_ID or CLIENT_ID"},
		want{first(proof.secret, proof.secretFile, proof.keyFile), "the secret: give --client-secret-file or --key-file, or set SERVICE_USER_CLIENT_SECRET or CLIENT_SECRET"},
	); err != nil {
		return nil, err
	}
	auth, err := proof.method(e)
	if err != nil {
		return nil, err
	}
	client, err := roots.Client(getenv)
	if err != nil {
		return nil, err
	}
	return serviceuser.ClientCredentials{
		Issuer: r.issuer, TokenURL: r.tokenURL, Auth: auth,
		Scopes: r.scopes, Audience: r.audience, HTTPClient: client,
	}.Source()
}

// print gets the token and prints it.
func (r *tokenRequest) print(ctx context.Context, e *env, source *serviceuser.Source) error {
	token, err := source.TokenContext(ctx)
	if errors.Is(err, serviceuser.ErrUnavailable) {
		return undecided(err)
	}
	if err != nil {
		return err
	}
	r.warn(e, token)
	if !r.json {
		_, err = fmt.Fprintln(e.stdout, token.AccessToken)
		return err
	}
	answer := struct {
		AccessToken string    `json:"access_token"`
		TokenType   string    `json:"token_type"`
		ExpiresIn   int64     `json:"expires_in,omitempty"`
		Expiry      time.Time `json:"expiry,omitzero"`
		Scope       any       `json:"scope,omitempty"`
	}{token.AccessToken, token.TokenType, token.ExpiresIn, time.Time{}, token.Extra("scope")}
	if token.ExpiresIn > 0 {
		answer.Expiry = token.Expiry.UTC().Truncate(time.Second)
	}
	return printJSON(e.stdout, answer)
}

// warn says which scopes were asked for in vain, if the server says what it granted.
func (r *tokenRequest) warn(e *env, token *oauth2.Token) {
	text, told := token.Extra("scope").(string)
	if !told {
		return
	}
	granted := strings.Fields(text)
	for _, scope := range r.scopes {
		if !slices.Contains(granted, scope) {
			fmt.Fprintf(e.stderr, "postern: scope %q was not granted\n", scope)
		}
	}
}

// want is a value that a command cannot do without, and how to give it.
type want struct{ value, how string }

// missing names all that is missing at once.
func missing(wants ...want) error {
	var list []string
	for _, w := range wants {
		if w.value == "" {
			list = append(list, w.how)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return &missingError{list}
}

// missingError names what neither flags nor the environment say.
type missingError struct{ list []string }

func (e *missingError) Error() string { return "missing " + strings.Join(e.list, "\nmissing ") }

// first returns the first value that is not empty.
func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
