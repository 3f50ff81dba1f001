// Command goidc is a website with coreos/go-oidc and golang.org/x/oauth2, used as their examples do.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/postern-auth/postern/interop/parties/site"
)

func main() {
	settings := site.Read()
	provider, err := oidc.NewProvider(context.Background(), settings.Issuer)
	if err != nil {
		log.Fatal(err)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		log.Fatal(err)
	}
	config := &oauth2.Config{
		ClientID: settings.ClientID, ClientSecret: settings.ClientSecret,
		Endpoint: provider.Endpoint(), RedirectURL: settings.Callback(), Scopes: settings.Scopes,
	}
	tokens := provider.VerifierContext(context.Background(), &oidc.Config{ClientID: settings.ClientID})

	// read verifies the ID token of an answer and asks for the userinfo.
	read := func(ctx context.Context, token *oauth2.Token) (*site.Login, string, error) {
		raw, ok := token.Extra("id_token").(string)
		if !ok {
			return nil, "", errors.New("the answer has no id_token")
		}
		idToken, err := tokens.Verify(ctx, raw)
		if err != nil {
			return nil, "", err
		}
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, "", err
		}
		login := &site.Login{AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, IDToken: raw}
		if err := idToken.Claims(&login.Claims); err != nil {
			return nil, "", err
		}
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return nil, "", err
		}
		return login, idToken.Nonce, info.Claims(&login.Userinfo)
	}

	var s *site.Site
	s = &site.Site{
		Begin: func(w http.ResponseWriter, r *http.Request) {
			var options []oauth2.AuthCodeOption
			values := map[string]string{"state": oauth2.GenerateVerifier(), "nonce": oauth2.GenerateVerifier()}
			options = append(options, oidc.Nonce(values["nonce"]))
			if settings.PKCE {
				values["verifier"] = oauth2.GenerateVerifier()
				options = append(options, oauth2.S256ChallengeOption(values["verifier"]))
			}
			for name, value := range values {
				http.SetCookie(w, &http.Cookie{Name: name, Value: value, HttpOnly: true, SameSite: http.SameSiteLaxMode})
			}
			http.Redirect(w, r, config.AuthCodeURL(values["state"], options...), http.StatusFound)
		},
		Callback: func(w http.ResponseWriter, r *http.Request) {
			kept := func(name string) string {
				if c, err := r.Cookie(name); err == nil {
					return c.Value
				}
				return ""
			}
			if r.URL.Query().Get("state") != kept("state") {
				site.Fail(w, errors.New("the state is not the one that was sent"))
				return
			}
			if e := r.URL.Query().Get("error"); e != "" {
				site.Fail(w, errors.New(e+": "+r.URL.Query().Get("error_description")))
				return
			}
			var options []oauth2.AuthCodeOption
			if settings.PKCE {
				options = append(options, oauth2.VerifierOption(kept("verifier")))
			}
			token, err := config.Exchange(r.Context(), r.URL.Query().Get("code"), options...)
			if err != nil {
				site.Fail(w, err)
				return
			}
			login, nonce, err := read(r.Context(), token)
			if err == nil && nonce != kept("nonce") {
				err = errors.New("the nonce is not the one that was sent")
			}
			if err != nil {
				site.Fail(w, err)
				return
			}
			s.Arrived(w, r, login)
		},
		Renew: func(r *http.Request, login *site.Login) error {
			old := &oauth2.Token{RefreshToken: login.RefreshToken, Expiry: time.Now().Add(-time.Hour)}
			token, err := config.TokenSource(r.Context(), old).Token()
			if err != nil {
				return err
			}
			renewed, _, err := read(r.Context(), token)
			if err != nil {
				return err
			}
			*login = *renewed
			return nil
		},
		Leave: func(_ *http.Request, login *site.Login) (string, error) {
			return more.EndSession + "?" + url.Values{
				"id_token_hint": {login.IDToken}, "post_logout_redirect_uri": {settings.Goodbye()},
			}.Encode(), nil
		},
	}
	s.Serve(settings)
}
