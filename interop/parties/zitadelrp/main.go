// Command zitadelrp is a website with the relying party of zitadel/oidc, used as its example does. It ends
// a session by a request of its own, which no browser sends.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/postern-auth/postern/interop/parties/site"
)

func main() {
	settings := site.Read()
	key := []byte(rand.Text())[:16]
	cookies := httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure())
	options := []rp.Option{
		rp.WithCookieHandler(cookies),
		rp.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, kind, description, state string) {
			http.Error(w, kind+": "+description, http.StatusBadGateway)
		}),
	}
	if settings.PKCE {
		options = append(options, rp.WithPKCE(cookies))
	}
	if settings.KeyFile != "" {
		var key struct{ KeyID, Key string }
		if text, err := os.ReadFile(settings.KeyFile); err != nil {
			log.Fatal(err)
		} else if err := json.Unmarshal(text, &key); err != nil {
			log.Fatal(err)
		}
		options = append(options, rp.WithJWTProfile(rp.SignerFromKeyAndKeyID([]byte(key.Key), key.KeyID)))
	}
	party, err := rp.NewRelyingPartyOIDC(context.Background(), settings.Issuer, settings.ClientID, settings.ClientSecret,
		settings.Callback(), settings.Scopes, options...)
	if err != nil {
		log.Fatal(err)
	}

	var s *site.Site
	arrived := func(w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty, info *oidc.UserInfo) {
		s.Arrived(w, r, &site.Login{
			Claims: claimsOf(tokens.IDTokenClaims), Userinfo: map[string]any{"sub": info.Subject, "name": info.Name, "email": info.Email},
			AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken, IDToken: tokens.IDToken,
		})
	}
	s = &site.Site{
		Begin:    rp.AuthURLHandler(rand.Text, party),
		Callback: rp.CodeExchangeHandler(rp.UserinfoCallback(arrived), party),
		Renew: func(r *http.Request, login *site.Login) error {
			tokens, err := rp.RefreshTokens[*oidc.IDTokenClaims](r.Context(), party, login.RefreshToken, "", "")
			if err != nil {
				return err
			}
			info, err := rp.Userinfo[*oidc.UserInfo](r.Context(), tokens.AccessToken, tokens.TokenType, tokens.IDTokenClaims.Subject, party)
			if err != nil {
				return err
			}
			login.Claims, login.AccessToken, login.RefreshToken, login.IDToken = claimsOf(tokens.IDTokenClaims), tokens.AccessToken, tokens.RefreshToken, tokens.IDToken
			login.Userinfo = map[string]any{"sub": info.Subject, "name": info.Name, "email": info.Email}
			return nil
		},
		Leave: func(r *http.Request, login *site.Login) (string, error) {
			to, err := rp.EndSession(r.Context(), party, login.IDToken, settings.Goodbye(), "", "", nil)
			if err != nil {
				return "", err
			}
			return to.String(), nil
		},
	}
	s.Serve(settings)
}

func claimsOf(claims *oidc.IDTokenClaims) map[string]any {
	return map[string]any{"sub": claims.Subject, "name": claims.Name, "email": claims.Email}
}
