package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/account"
	"github.com/postern-auth/postern/server/internal/backchannel"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/console"
	"github.com/postern-auth/postern/server/internal/device"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/grant"
	"github.com/postern-auth/postern/server/internal/hint"
	"github.com/postern-auth/postern/server/internal/letter"
	"github.com/postern-auth/postern/server/internal/login"
	"github.com/postern-auth/postern/server/internal/logout"
	"github.com/postern-auth/postern/server/internal/mailbox"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/picture"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// SessionLifetimes are how long a person stays logged in in a browser. A zero one is the default.
type SessionLifetimes struct {
	Idle     time.Duration // without being used; default 12 h
	Absolute time.Duration // in any case; default 30 days
}

func (l SessionLifetimes) check() error {
	idle, absolute := cmp.Or(l.Idle, session.DefaultIdle), cmp.Or(l.Absolute, session.DefaultAbsolute)
	if idle < time.Minute || absolute < idle {
		return fmt.Errorf("server: Config.Sessions has %s idle and %s in all, want at least a minute, and the second no shorter than the first", idle, absolute)
	}
	return nil
}

// peopleRoutes are for people who log in, and for the clients that send them.
func (s *Server) peopleRoutes(authenticator *clients.Authenticator, grants *grant.Grants) []endpoint.Route {
	c := s.config
	checkTargets := grants.CheckTargets
	pages := &site.Site{Organisation: c.Organization, InsecureHints: c.InsecureHints, Logger: c.Logger}
	sessions := &session.Sessions{
		Store: c.Store, Now: c.Now, Idle: c.Sessions.Idle, Absolute: c.Sessions.Absolute, Address: c.ClientAddress,
	}
	hints := &hint.Reader{Keys: s.keys}
	logins := login.New(login.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hasher: s.hasher, Hints: hints, Clients: authenticator,
		Documents: s.documents(), Proofs: s.proofs, Keys: s.sealing, Notices: s.noticed,
		Reset: s.letters.Path(letter.ResetPath), SignUp: s.letters.Path(letter.SignUpPath),
		CheckTargets: checkTargets, Now: c.Now, Logger: c.Logger,
	})
	told := func() { s.outbox.Wake(outbox.BackChannelLogout) }
	logouts := logout.New(logout.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hints: hints, Again: account.Home, Now: c.Now, Logger: c.Logger,
		Ended: told,
	})
	devices := device.New(device.Config{
		Store: c.Store, Clients: authenticator, CheckTargets: checkTargets, Address: sessions.From, Now: c.Now, Logger: c.Logger,
	})
	accounts := account.New(account.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hasher: s.hasher, Enter: logins.Enter, CheckPassword: logins.CheckPassword,
		LogOut: logout.Confirm, Ended: told, Now: c.Now, Logger: c.Logger, TokenLifetime: c.PersonalTokenLifetime,
		Keys: s.sealing, Notices: s.noticed, ChangeEmail: s.changeEmail(),
	})
	mailboxes := mailbox.New(mailbox.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hasher: s.hasher, Letters: s.letters, Login: login.Base, Account: account.Home,
		Now: c.Now, Logger: c.Logger,
	})
	dashboard := console.New(console.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Enter: logins.Enter, LogOut: logout.Confirm, Now: c.Now, Logger: c.Logger,
		Issuers: c.Issuers, Holdings: s.reader, Keys: s.keys, Tally: s.tally, Lifetime: c.Lifetimes.of,
		Issue: func(ctx context.Context, r *endpoint.Request, u store.ServiceUser) (string, time.Duration, error) {
			response, err := grants.ForServiceUser(ctx, r, u)
			if err != nil {
				return "", 0, err
			}
			s.issued(ctx, "console", response)
			return response.AccessToken, time.Duration(response.ExpiresIn) * time.Second, nil
		},
		Notices: s.noticed, Reset: s.sends(letter.Reset), Invite: s.sends(letter.Invitation), Ended: told, Ends: s.ending.Done(),
	})
	return slices.Concat(accounts.Routes(), dashboard.Routes(), mailboxes.Routes(), s.registrationRoutes(sessions), []endpoint.Route{
		{Endpoint: oauth.AuthorizationEndpoint, Methods: "GET POST", Handler: logins.Endpoint(), Metadata: s.loginMetadata()},
		{Endpoint: oauth.PushedAuthorizationEndpoint, Methods: "POST", Handler: logins.Pushed(), Metadata: login.PushedMetadata()},
		{Endpoint: oauth.DeviceEndpoint, Methods: "POST", Handler: devices},
		{Endpoint: device.Page, Methods: "GET POST", Handler: logins.Devices()},
		{Endpoint: login.Pages, Methods: "GET POST", Handler: logins.Form()},
		{Endpoint: login.Known, Methods: "GET", Handler: logins.Form()},
		{Endpoint: login.Challenges, Methods: "POST", Handler: logins.Challenge()},
		{Endpoint: oauth.EndSessionEndpoint, Methods: "GET POST", Handler: logouts.Endpoint(), Metadata: backchannel.Metadata()},
		{Endpoint: oauth.Logout, Methods: "GET", Handler: logouts.Auth0()},
		{Endpoint: logout.Confirm, Methods: "GET POST", Handler: logouts.Form()},
		{Endpoint: picture.Endpoint, Methods: "GET", Handler: picture.New(c.Store, c.Logger), Origins: endpoint.AnyOrigin},
		{Endpoint: oauth.At(page.StaticPath + "{file}"), Methods: "GET", Handler: &files{page.Static(), pages}},
	})
}

// files serves what pages load.
type files struct {
	http.Handler
	pages *site.Site
}

func (f *files) Serve(w http.ResponseWriter, r *http.Request, _ oauth.Issuer) { f.ServeHTTP(w, r) }

func (f *files) Refuse(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer, err error) {
	f.pages.Show(w, &endpoint.Request{Request: r, Issuer: issuer}, err)
}
