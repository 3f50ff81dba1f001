package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
	"github.com/spf13/cobra"
)

type serveFlags struct {
	store            storeAt
	listen           string
	issuers          []string
	tlsCert, tlsKey  string
	signingAlgorithm string
	init             bool
	behindProxy      bool
	insecureHTTP     bool
	patLifetime      time.Duration
	rotateKeysEvery  time.Duration
	certificates     certificateFlags
	requireDPoPNonce bool
	registration     server.Registration
	people           peopleFlags
	admin            adminFlags
}

func newServeCommand(e *env) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve --data DIR --issuer URL…",
		Short: "Run the authorization server",
		Long: "Serve runs the authorization server on the store in a data folder, or in the PostgreSQL database that\n" +
			"--database names, which any number of servers may share. Set it up with 'postern apply', before or\n" +
			"while it runs. Each --issuer is what tokens carry in iss, byte for byte; the host of a\n" +
			"request chooses among them.\n\n" +
			"What the command line does not say is read from the environment: --smtp-address from POSTERN_SMTP_ADDRESS,\n" +
			"or from the file that POSTERN_SMTP_ADDRESS_FILE names, and so every flag; of one that may be given again,\n" +
			"each line is one.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := e.settings(c.Flags(), map[string]*string{smtpPassword: &f.people.smtp.Password}); err != nil {
				return err
			}
			ignoreHangUp()
			f.listen = withPort(f.listen, "8080")
			return serve(c.Context(), e, f)
		},
	}
	flags := c.Flags()
	f.store.add(flags, "data `folder` (required)")
	flags.StringArrayVar(&f.issuers, "issuer", nil, "issuer `URL`; may be given again (required)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen on")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "certificate `file` in PEM, with those that lead to its authority")
	flags.StringVar(&f.tlsKey, "tls-key", "", "private key `file` in PEM")
	flags.StringVar(&f.signingAlgorithm, "signing-algorithm", "", "alg of RFC 9068 tokens whose API names none (default ES256)")
	flags.BoolVar(&f.store.strict, "database-strict", false, "ask the database with each token whether another server has changed anything, in place of being told: then it counts at once for JWTs too, for one more statement")
	flags.BoolVar(&f.init, "init", false, "make the database when there is none")
	flags.DurationVar(&f.rotateKeysEvery, "rotate-keys-every", 0, "how long a signing key signs before another takes its place, as `duration` such as 2160h (default: until 'postern keys rotate')")
	flags.BoolVar(&f.behindProxy, "behind-proxy", false, "a proxy ends TLS: serve https issuers over plain http on an address that others reach")
	flags.BoolVar(&f.insecureHTTP, "insecure-http", false, "let an issuer be http on any host, for development: whoever can listen reads every secret")
	flags.DurationVar(&f.patLifetime, "max-pat-lifetime", 0, "how long a personal access token lives at most from when it was made, as `duration` such as 2160h (default 5 years; negative: for ever)")
	flags.BoolVar(&f.requireDPoPNonce, "require-dpop-nonce", false, "take no DPoP proof without a nonce of the server's own: none can then be made ahead")
	flags.BoolVar(&f.registration.Dynamic, "client-registration", false, "let clients register themselves (RFC 7591): whoever reaches the server can ask people for consent")
	flags.BoolVar(&f.registration.Documents, "client-documents", false, "admit clients whose client id is the URL of a document about them, which the server then fetches")
	f.certificates.add(flags)
	f.people.add(flags)
	f.admin.add(flags)
	return c
}

func serve(ctx context.Context, e *env, f serveFlags) error {
	config, err := f.tls()
	if err != nil {
		return err
	}
	certificates, err := f.certificates.config(config)
	if err != nil {
		return err
	}
	mailer, err := f.people.mailer()
	if err != nil {
		return err
	}
	l, err := httpd.Listen(f.listen, "--listen", config)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := f.checkListener(l.Addr()); err != nil {
		return err
	}
	admin, err := f.admin.listen()
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := f.store.check(f.init); err != nil {
		return err
	}
	s, err := f.store.open(ctx, e)
	if err != nil {
		return err
	}
	defer s.Close()
	keys, err := dataKeys(f.store.folder)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(e.stderr, nil))
	servers := httpd.Group{Logger: logger}
	made := server.Config{Store: s, Logger: logger, DataKeys: keys, ClientCertificates: certificates, Mailer: mailer}
	admin.watch(&made, &servers)
	authorization, err := f.server(ctx, made)
	if err != nil {
		return err
	}
	defer authorization.Close()
	defer admin.serve(ctx, logger, authorization.Ready)() // for longer than the rest, to tell of its end
	servers.Serve(l, authorization)
	fmt.Fprintf(e.stderr, "postern: %s, listening on %s\n", strings.Join(f.issuers, " "), l.Addr())
	e.notify("READY=1")
	context.AfterFunc(ctx, func() { e.notify("STOPPING=1") })
	f.welcome(ctx, e, s, logger)
	return servers.Wait(ctx)
}

// welcome tells whoever runs a server for the first time how to begin.
func (f serveFlags) welcome(ctx context.Context, e *env, s store.Store, logger *slog.Logger) {
	said, err := e.firstRun(ctx, s, f.store.folder, f.issuers[0])
	if err != nil {
		logger.Warn("no link for the first administrator", "reason", err.Error()) // the server serves all the same
	}
	if said != "" {
		fmt.Fprintf(e.stdout, "\nThe console is at %s/console/. %s\n", strings.TrimSuffix(f.issuers[0], "/"), said)
	}
}

// tls checks what the flags must say, and returns how the listener speaks TLS; nil: it does not.
func (f serveFlags) tls() (*tls.Config, error) {
	switch {
	case f.store.folder == "":
		return nil, usage("serve needs --data, the folder of its store")
	case len(f.issuers) == 0:
		return nil, usage("serve needs --issuer, such as https://login.example.com")
	case f.store.strict && f.store.database == "":
		return nil, usage("--database-strict goes with --database: a file in the data folder is read as it is")
	case (f.tlsCert == "") != (f.tlsKey == ""):
		return nil, usage("--tls-cert and --tls-key go together")
	case f.tlsCert == "":
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s with --tls-key %s: %w", f.tlsCert, f.tlsKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}

// server returns the authorization server that the flags describe, over what has been opened for it.
func (f serveFlags) server(ctx context.Context, config server.Config) (*server.Server, error) {
	config.Issuers, config.SigningAlgorithm, config.InsecureHTTP = f.issuers, f.signingAlgorithm, f.insecureHTTP
	config.RotateKeysEvery = f.rotateKeysEvery
	config.PersonalTokenLifetime, config.RequireDPoPNonce, config.Registration = f.patLifetime, f.requireDPoPNonce, f.registration
	config.Organization, config.SignUp = f.people.organization, f.people.signUp
	config.Sessions, config.Lifetimes = f.people.sessions, f.people.tokens
	s, err := server.New(ctx, config)
	if errors.Is(err, server.ErrUnreadableKey) {
		return nil, plainly(err)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) {
		return nil, usage("%w", err) // what the flags say
	}
	return s, err
}

// checkListener refuses what an operator is hardly aware of: a plain-text listener that others can reach,
// while the issuers promise TLS. Secrets and tokens would cross the network for everybody to read.
func (f serveFlags) checkListener(at net.Addr) error {
	tcp, ok := at.(*net.TCPAddr)
	if f.tlsCert != "" || f.behindProxy || ok && tcp.IP.IsLoopback() {
		return nil
	}
	for _, issuer := range f.issuers {
		if strings.HasPrefix(issuer, "https:") {
			return usage("issuer %s is https, and --listen %s would serve it without TLS to whoever reaches the address: "+
				"give --tls-cert and --tls-key, or --behind-proxy if a proxy in front ends TLS", issuer, f.listen)
		}
	}
	return nil
}
