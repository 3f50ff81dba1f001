package main

import (
	"cmp"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/browserclient"
	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/examples/zitadelapi"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/internal/localca"
	"github.com/postern-auth/postern/internal/roots"
	"github.com/postern-auth/postern/internal/wholefile"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/setup"
	"github.com/postern-auth/postern/server/store"
	"github.com/spf13/cobra"
)

//go:embed dev.yaml
var devDocument []byte

type devFlags struct {
	data, listen, listenTLS string
	noAPIs                  bool
	apis                    map[string]*string // listen addresses, by sample
}

// devSamples are the samples in the order in which they are shown. The last one calls one of the others.
var devSamples = []struct{ name, listen string }{
	{"zitadel-api", "127.0.0.1:5000"},
	{"auth0-quickstart", "127.0.0.1:3010"},
	{"hello-world", "127.0.0.1:6060"},
	{browserClient, "127.0.0.1:4040"},
}

// browserClient is the one sample that is not an API.
const browserClient = "browser-client"

func newDevCommand(e *env) *cobra.Command {
	f := devFlags{apis: make(map[string]*string)}
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run the authorization server and the sample APIs on this machine",
		Long: "Dev starts the authorization server over http and, with a certificate of its own making, https; sets\n" +
			"up projects, APIs, applications, service users and people; and starts the sample APIs, protected by it.\n" +
			"It prints what to try, and writes the same as variables to dev.env in the data folder. Everything\n" +
			"listens on loopback only and explains its refusals to callers: it is for development.\n\n" +
			"What is set up is written once to dev.yaml in the data folder. Change that file and apply it, while dev\n" +
			"runs or not; another start keeps what was changed.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			e.ignoreHangUpWithoutTerminal()
			f.listen, f.listenTLS = withPort(f.listen, "8080"), withPort(f.listenTLS, "8443")
			for _, sample := range devSamples {
				_, port, _ := net.SplitHostPort(sample.listen)
				*f.apis[sample.name] = withPort(*f.apis[sample.name], port)
			}
			return dev(c.Context(), e, f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.data, "data", ".postern", "data `folder`")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` of the authorization server over http")
	flags.StringVar(&f.listenTLS, "listen-tls", "127.0.0.1:8443", "`address` of the authorization server over https")
	flags.BoolVar(&f.noAPIs, "no-apis", false, "start no sample")
	for _, sample := range devSamples {
		f.apis[sample.name] = flags.String(sample.name+"-listen", sample.listen, "`address` of the sample "+sample.name)
	}
	return c
}

// development is what dev runs.
type development struct {
	dir         string
	lock        io.Closer
	http, https *httpd.Listener
	ca          *localca.CA
	client      *http.Client // trusts ca
	vars        []variable
	samples     []runningSample
	decided     func(api string) func(*http.Request, *postern.Token, *postern.Error)
	calling     atomic.Bool // callers call, and not dev itself
}

type runningSample struct{ name, url string }

// outgoing lets the server call the programs of this machine, which is where a developer's clients are.
func (d *development) outgoing() (server.Outgoing, error) {
	pool, err := roots.Pool(func(name string) string {
		if name == "CA_FILE" {
			return d.ca.File()
		}
		return ""
	})
	return server.Outgoing{Roots: pool, InsecureLoopback: true}, err
}

func dev(ctx context.Context, e *env, f devFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	d, err := openDevelopment(f)
	if err != nil {
		return err
	}
	defer d.close()
	s, err := openFolder(ctx, e, d.dir)
	if err != nil {
		return err
	}
	defer s.Close()
	keys, err := dataKeys(d.dir)
	if err != nil {
		return err
	}
	if err := d.seed(ctx, s, f.data, e); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(e.stderr, nil))
	mails := &devMails{now: time.Now}
	authorization, err := d.server(ctx, server.Config{Store: s, DataKeys: keys, Mailer: mails, Logger: logger})
	if err != nil {
		return err
	}
	defer authorization.Close()
	d.decided = authorization.OnDecision
	servers := httpd.Group{Logger: logger}
	servers.Serve(d.http, mails.in(authorization))
	servers.Serve(d.https, mails.in(authorization))
	if err := d.configure(f.clientOrigin()); err != nil {
		return err
	}
	// A connection that is kept for later would hold up the end.
	context.AfterFunc(ctx, d.client.CloseIdleConnections)
	var level slog.LevelVar
	if !f.noAPIs {
		samplesLogger := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: &level}))
		if err := d.serveSamples(&servers, f, e.stderr, samplesLogger); err != nil {
			return err
		}
		d.warnOfUnregistered(ctx, s, f.data, e.stderr)
	}
	level.Set(slog.LevelWarn) // the tries are not a caller's
	tries := d.tries(ctx)
	level.Set(slog.LevelInfo)
	d.calling.Store(true)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.tell(ctx, e, s, tries); err != nil {
		return err
	}
	return servers.Wait(ctx)
}

// tell writes down what programs want to know, and prints what people do.
func (d *development) tell(ctx context.Context, e *env, s store.Store, tries []try) error {
	bundle, err := d.writeBundle(e)
	if err != nil {
		return err
	}
	if err := writeEnv(filepath.Join(d.dir, "dev.env"), d.vars); err != nil {
		return err
	}
	said, err := e.firstRun(ctx, s, d.dir, d.http.URL("localhost"))
	if err != nil {
		return err
	}
	d.print(e.stdout, bundle, said, tries)
	return nil
}

// server returns the authorization server, with all that can be tried.
func (d *development) server(ctx context.Context, config server.Config) (*server.Server, error) {
	outgoing, err := d.outgoing()
	if err != nil {
		return nil, err
	}
	config.Issuers, config.Outgoing = d.issuers(), outgoing
	config.SignUp, config.InsecureHints = true, true
	config.Registration = server.Registration{Dynamic: true, Documents: true}
	return server.New(ctx, config)
}

// clientOrigin returns the origin of applications in a browser, which the APIs let call them and whose callback
// dev.env names.
func (f devFlags) clientOrigin() string {
	_, port, _ := net.SplitHostPort(*f.apis[browserClient])
	if port == "0" { // known too late
		port = "4040"
	}
	return "http://localhost:" + port
}

// check refuses addresses that others could reach: the secrets here are printed and the refusals explain
// themselves.
func (f devFlags) check() error {
	addresses := map[string]string{"--listen": f.listen, "--listen-tls": f.listenTLS}
	for name, address := range f.apis {
		addresses["--"+name+"-listen"] = *address
	}
	for flag, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if err != nil || !fetch.Loopback(host) {
			return usage("%s is %q, want a loopback address with a port, such as 127.0.0.1:8080 or [::1]:8080", flag, address)
		}
	}
	if host, _, _ := net.SplitHostPort(f.listenTLS); host != "localhost" && host != "127.0.0.1" {
		return usage("--listen-tls is %q, want 127.0.0.1 or localhost with a port: the samples know the server by both names", f.listenTLS)
	}
	return nil
}

// openDevelopment takes the folder and opens the sockets first: if another dev or another program has them,
// it ends with nothing done.
func openDevelopment(f devFlags) (*development, error) {
	dir, err := filepath.Abs(f.data)
	if err != nil {
		return nil, err
	}
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	d := &development{dir: dir}
	if d.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	if err := d.listen(f); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *development) listen(f devFlags) (err error) {
	if d.http, err = httpd.Listen(f.listen, "--listen", nil); err != nil {
		return err
	}
	if d.ca, err = localca.Open(d.dir); err != nil {
		return err
	}
	d.https, err = httpd.Listen(f.listenTLS, "--listen-tls", &tls.Config{GetCertificate: d.ca.Certificate})
	return err
}

func (d *development) close() {
	for _, l := range []*httpd.Listener{d.http, d.https} {
		if l != nil {
			l.Close()
		}
	}
	d.lock.Close()
}

// issuers are the names that the authorization server goes by: without a trailing slash for the programs
// of ZITADEL's samples, with one for those of Auth0's.
func (d *development) issuers() []string {
	return []string{
		d.http.URL("localhost"),
		d.https.URL("localhost"),
		d.http.URL(address(d.http)) + "/",
		d.https.URL(address(d.https)) + "/",
	}
}

// address returns the address of this machine that a listener is bound to.
func address(l *httpd.Listener) string {
	host, _, _ := net.SplitHostPort(l.Addr().String())
	return host
}

// seed sets up what the samples need, by the document in the data folder, which is written there once and
// then its owner's. What was changed since, in the store or in the document, stays.
func (d *development) seed(ctx context.Context, s store.Store, dir string, e *env) error {
	path := filepath.Join(d.dir, "dev.yaml")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = devDocument, wholefile.Write(path, devDocument)
	}
	if err != nil {
		return err
	}
	doc, err := setup.Parse(path, text)
	if err != nil {
		return err
	}
	plan, err := setup.Compare(ctx, s, doc, setup.Options{Keep: true})
	if err != nil {
		return err
	}
	if !plan.Empty() {
		e.progress("setting up %d objects", len(plan.Changes))
	}
	if plan, err = plan.Apply(ctx); err != nil || len(plan.Kept) == 0 {
		return err
	}
	shown := filepath.Join(dir, "dev.yaml")
	fmt.Fprintf(e.stderr, "postern: kept as it is, where %s says otherwise:\n", shown)
	for _, change := range plan.Kept {
		fmt.Fprintf(e.stderr, "  %s\n", strings.ReplaceAll(change.String(), "\n", "\n  "))
	}
	fmt.Fprintf(e.stderr, "To have it as the file says: postern apply --data %s -f %s\n", dir, shown)
	return nil
}

// configure finds out what the samples and their clients are configured with.
func (d *development) configure(clientOrigin string) (err error) {
	d.vars, err = devVariables(d.dir, d.https.URL("localhost"), d.https.Host(address(d.https)), d.ca.File(), clientOrigin)
	if err != nil {
		return err
	}
	d.client, err = roots.Client(lookupIn(d.vars))
	return err
}

// writeBundle writes what programs in other languages are to trust, and returns the path.
func (d *development) writeBundle(e *env) (string, error) {
	path := filepath.Join(d.dir, "ca-bundle.pem")
	text, lacking, err := roots.Bundle(func(name string) string { value, _ := e.lookup(name); return value }, d.ca.File(), path)
	if err != nil {
		return "", err
	}
	if lacking != "" {
		fmt.Fprintf(e.stderr, "postern: warning: %s has less than this system trusts, so that programs that use it may not reach other hosts: %s\n", path, lacking)
	}
	return path, wholefile.Write(path, text)
}

func (d *development) serveSamples(servers *httpd.Group, f devFlags, stderr io.Writer, logger *slog.Logger) error {
	for _, sample := range devSamples {
		handler, err := d.sample(sample.name, logger.With("api", sample.name))
		if err != nil {
			fmt.Fprintf(stderr, "postern: warning: %s stays off: %v\n", sample.name, err)
			continue
		}
		l, err := httpd.Listen(*f.apis[sample.name], "--"+sample.name+"-listen", nil)
		if errors.Is(err, httpd.ErrInUse) {
			fmt.Fprintf(stderr, "postern: warning: %s stays off: %v\n", sample.name, err)
			continue
		}
		if err != nil {
			return err
		}
		servers.Serve(l, handler)
		host := address(l)
		if sample.name == browserClient {
			host = "localhost" // the name by which its application is registered
		}
		d.samples = append(d.samples, runningSample{sample.name, l.URL(host)})
	}
	return nil
}

// onDecision has the console know what a sample refuses, once others than dev call it.
func (d *development) onDecision(name string) func(*http.Request, *postern.Token, *postern.Error) {
	told := d.decided(name)
	return func(r *http.Request, token *postern.Token, e *postern.Error) {
		if d.calling.Load() {
			told(r, token, e)
		}
	}
}

func (d *development) sample(name string, logger *slog.Logger) (http.Handler, error) {
	getenv := lookupIn(d.vars)
	options := sampleapi.Options{HTTPClient: d.client, Logger: logger, OnDecision: d.onDecision(name), InsecureExplain: true}
	switch name {
	case "zitadel-api":
		return zitadelapi.Options{Options: options, Issuers: d.issuers()}.New(getenv)
	case "auth0-quickstart":
		return auth0quickstart.Options{Options: options}.New(getenv)
	case browserClient:
		return d.browserClient(getenv)
	default:
		// A browser has to be told of the certificate of AUTH0_DOMAIN; http://127.0.0.1:8080 as the domain spares it.
		plain := []string{d.http.URL("localhost"), d.http.URL(address(d.http)) + "/"}
		return helloworld.Options{Options: options, Issuers: plain}.New(getenv)
	}
}

// browserClient is the application that people log in to. Its issuer is the one of its own host and scheme: no
// browser has to be told about a certificate, and the two are one site.
func (d *development) browserClient(getenv func(string) string) (http.Handler, error) {
	own := map[string]string{"ISSUER": d.http.URL("localhost")}
	for _, sample := range d.samples {
		if sample.name == "hello-world" {
			own["API_SERVER_URL"] = sample.url
		}
	}
	return browserclient.New(func(name string) string { return cmp.Or(own[name], getenv(name)) })
}

// warnOfUnregistered tells when the browser client listens where its application is not registered.
func (d *development) warnOfUnregistered(ctx context.Context, s store.Store, dir string, stderr io.Writer) {
	for _, sample := range d.samples {
		application, err := s.ApplicationByClientID(ctx, lookupIn(d.vars)("AUTH0_CLIENT_ID"))
		callback := sample.url + "/callback"
		if sample.name != browserClient || err == nil && slices.Contains(application.RedirectURIs, callback) {
			continue
		}
		fmt.Fprintf(stderr, "postern: warning: nobody can log in at %s: its application is not registered for it. Add %s to redirect_uris, and %s to logout_uris and allowed_origins, in %s, then: postern apply --data %s -f %[4]s\n",
			sample.url, callback, sample.url, filepath.Join(dir, "dev.yaml"), dir)
	}
}

func (d *development) print(w io.Writer, bundle, firstRun string, tries []try) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nPostern is ready.\n\n")
	fmt.Fprintf(&b, "  authorization server  %s   %s\n", d.http.URL("localhost"), d.https.URL("localhost"))
	for _, sample := range d.samples {
		fmt.Fprintf(&b, "  %-20s  %s\n", sample.name, sample.url)
	}
	fmt.Fprintf(&b, "  console               %s\n", d.http.URL("localhost")+"/console/")
	fmt.Fprintf(&b, "  mails, none are sent  %s\n", d.http.URL("localhost")+devMailPath)
	fmt.Fprintf(&b, "  variables             %s\n", filepath.Join(d.dir, "dev.env"))
	fmt.Fprintf(&b, "  set up by             %s\n", filepath.Join(d.dir, "dev.yaml"))
	fmt.Fprintf(&b, "  certificate authority %s\n", d.ca.File())
	if firstRun != "" {
		fmt.Fprintf(&b, "\n%s", firstRun)
	}
	b.WriteString(d.people())
	fmt.Fprintf(&b, "\nPrograms in other languages trust it, beside what this system trusts, with:\n\n")
	fmt.Fprintf(&b, "  export SSL_CERT_FILE='%[1]s' REQUESTS_CA_BUNDLE='%[1]s' CURL_CA_BUNDLE='%[1]s' NODE_EXTRA_CA_CERTS='%[2]s'\n", bundle, d.ca.File())
	if len(d.samples) > 0 {
		fmt.Fprintf(&b, "\nTry, in another terminal:\n")
	}
	for _, t := range tries {
		fmt.Fprintf(&b, "\n%s", t)
	}
	io.WriteString(w, b.String()+"\nCtrl-C stops it.\n")
}

// people says who can log in. A folder that was set up before there were people names none.
func (d *development) people() string {
	getenv := lookupIn(d.vars)
	var b strings.Builder
	for _, name := range []string{"USER", "USER_WITHOUT_ROLE"} {
		email, password := getenv(name+"_EMAIL"), getenv(name+"_PASSWORD")
		if email == "" || password == "" {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("\nPeople who can log in, with their passwords:\n\n")
		}
		fmt.Fprintf(&b, "  %-30s  %s\n", email, password)
	}
	return b.String()
}
