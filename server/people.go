package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/account"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/console"
	"github.com/postern-auth/postern/server/internal/device"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/hint"
	"github.com/postern-auth/postern/server/internal/login"
	"github.com/postern-auth/postern/server/internal/logout"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/picture"
	"github.com/postern-auth/postern/server/internal/secret"
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
func (s *Server) peopleRoutes(authenticator *clients.Authenticator, checkTargets func(context.Context, []string) error) []endpoint.Route {
	c := s.config
	pages := &site.Site{Organisation: c.Organization, InsecureHints: c.InsecureHints, Logger: c.Logger}
	sessions := &session.Sessions{
		Store: c.Store, Now: c.Now, Idle: c.Sessions.Idle, Absolute: c.Sessions.Absolute, Address: c.ClientAddress,
	}
	hints := &hint.Reader{Keys: s.keys}
	logins := login.New(login.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hasher: s.hasher, Hints: hints, Clients: authenticator,
		Documents: s.documents(), Proofs: s.proofs, Keys: s.sealing, Notices: s.noticed,
		CheckTargets: checkTargets, Now: c.Now, Logger: c.Logger,
	})
	logouts := logout.New(logout.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hints: hints, Now: c.Now, Logger: c.Logger,
	})
	devices := device.New(device.Config{
		Store: c.Store, Clients: authenticator, CheckTargets: checkTargets, Address: sessions.From, Now: c.Now, Logger: c.Logger,
	})
	accounts := account.New(account.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Hasher: s.hasher, Enter: logins.Enter, CheckPassword: logins.CheckPassword,
		LogOut: logout.Confirm, Now: c.Now, Logger: c.Logger, TokenLifetime: c.PersonalTokenLifetime,
		Keys: s.sealing, Notices: s.noticed,
	})
	dashboard := console.New(console.Config{
		Store: c.Store, Sessions: sessions, Site: pages, Enter: logins.Enter, LogOut: logout.Confirm, Now: c.Now, Logger: c.Logger,
	})
	return slices.Concat(accounts.Routes(), dashboard.Routes(), s.registrationRoutes(sessions), []endpoint.Route{
		{Endpoint: oauth.AuthorizationEndpoint, Methods: "GET POST", Handler: logins.Endpoint(), Metadata: s.loginMetadata()},
		{Endpoint: oauth.PushedAuthorizationEndpoint, Methods: "POST", Handler: logins.Pushed(), Metadata: login.PushedMetadata()},
		{Endpoint: oauth.DeviceEndpoint, Methods: "POST", Handler: devices},
		{Endpoint: device.Page, Methods: "GET POST", Handler: logins.Devices()},
		{Endpoint: login.Pages, Methods: "GET POST", Handler: logins.Form()},
		{Endpoint: login.Challenges, Methods: "POST", Handler: logins.Challenge()},
		{Endpoint: oauth.EndSessionEndpoint, Methods: "GET POST", Handler: logouts.Endpoint()},
		{Endpoint: oauth.Logout, Methods: "GET", Handler: logouts.Auth0()},
		{Endpoint: logout.Confirm, Methods: "GET POST", Handler: logouts.Form()},
		{Endpoint: picture.Endpoint, Methods: "GET", Handler: picture.New(c.Store, c.Logger), Origins: endpoint.AnyOrigin},
		{Endpoint: oauth.At(page.StaticPath + "{file}"), Methods: "GET", Handler: &files{page.Static(), pages}},
	})
}

// noticed adds to the trail of changes what people are told of and what nobody has set up.
func (s *Server) noticed(ctx context.Context, tx store.Tx, userID string, k notice.Kind) error {
	switch k {
	case notice.WrongCodes, notice.RecoveryCodeUsed, notice.PasskeyCopied:
	default:
		return nil // the registry has left an event
	}
	return tx.AddEvent(ctx, store.Event{
		ID: secret.NewID(), At: s.config.Now(), Actor: userID, Action: "change", Object: "user", ObjectID: userID,
		Detail: fmt.Sprintf(`{"notice":%q}`, k),
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
