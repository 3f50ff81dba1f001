package main

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/examples/zitadelapi"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/internal/localca"
	"github.com/postern-auth/postern/internal/roots"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/setup"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/serviceuser"
	"github.com/spf13/cobra"
)

//go:embed dev.yaml
var devDocument []byte

type devFlags struct {
	data, listen, listenTLS string
	noAPIs                  bool
	apis                    map[string]*string // listen addresses, by sample
}

// devSamples are the sample APIs in the order in which they are shown.
var devSamples = []struct{ name, listen string }{
	{"zitadel-api", "127.0.0.1:5000"},
	{"auth0-quickstart", "127.0.0.1:3010"},
	{"hello-world", "127.0.0.1:6060"},
}

func newDevCommand(e *env) *cobra.Command {
	f := devFlags{apis: make(map[string]*string)}
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run the authorization server and the sample APIs on this machine",
		Long: "Dev starts the authorization server over http and, with a certificate of its own making, https; sets\n" +
			"up a project, APIs and service users; and starts the sample APIs, protected by it. It prints what to\n" +
			"try, and writes the same as variables to dev.env in the data folder. Everything listens on loopback\n" +
			"only and explains its refusals to callers: it is for development.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return dev(c.Context(), e, f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.data, "data", ".postern", "data `folder`")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` of the authorization server over http")
	flags.StringVar(&f.listenTLS, "listen-tls", "127.0.0.1:8443", "`address` of the authorization server over https")
	flags.BoolVar(&f.noAPIs, "no-apis", false, "start no sample API")
	for _, sample := range devSamples {
		f.apis[sample.name] = flags.String(sample.name+"-listen", sample.listen, "`address` of the sample "+sample.name)
	}
	return c
}

// development is what dev runs.
type development struct {
	dir         string
	http, https *httpd.Listener
	ca          *localca.CA
	vars        []variable
	samples     []runningSample
}

type runningSample struct{ name, url string }

func dev(ctx context.Context, e *env, f devFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	d, err := openDevelopment(f)
	if err != nil {
		return err
	}
	defer d.http.Close()
	defer d.https.Close()
	s, err := openStore(ctx, e, d.dir)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := seed(ctx, s, d.dir); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(e.stderr, nil))
	authorization, err := server.New(ctx, server.Config{Store: s, Issuers: d.issuers(), Logger: logger})
	if err != nil {
		return err
	}
	defer authorization.Close()
	servers := httpd.Group{Logger: logger}
	servers.Serve(d.http, authorization)
	servers.Serve(d.https, authorization)
	d.vars, err = devVariables(d.dir, d.https.URL("localhost"), d.https.Host("127.0.0.1"), d.ca.File())
	if err != nil {
		return err
	}
	if !f.noAPIs {
		if err := d.serveSamples(&servers, f, e.stderr, logger); err != nil {
			return err
		}
	}
	token, err := d.token(ctx)
	if err != nil {
		return err
	}
	if err := writeEnv(filepath.Join(d.dir, "dev.env"), d.vars); err != nil {
		return err
	}
	d.print(e.stdout, token)
	return servers.Wait(ctx)
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
			return usage("%s is %q, want a loopback address with a port, such as 127.0.0.1:8080", flag, address)
		}
	}
	return nil
}

// openDevelopment opens the sockets first: a second dev, or another program there, ends it with nothing
// done.
func openDevelopment(f devFlags) (*development, error) {
	dir, err := filepath.Abs(f.data)
	if err != nil {
		return nil, err
	}
	d := &development{dir: dir}
	if d.http, err = httpd.Listen(f.listen, "--listen", nil); err != nil {
		return nil, err
	}
	if err := privateDir(dir); err != nil {
		d.http.Close()
		return nil, err
	}
	if d.ca, err = localca.Open(dir); err != nil {
		d.http.Close()
		return nil, err
	}
	d.https, err = httpd.Listen(f.listenTLS, "--listen-tls", &tls.Config{GetCertificate: d.ca.Certificate})
	if err != nil {
		d.http.Close()
		return nil, err
	}
	return d, nil
}

// issuers are the names that the authorization server goes by: without a final slash for the programs of
// ZITADEL's samples, with one for those of Auth0's.
func (d *development) issuers() []string {
	return []string{
		d.http.URL("localhost"),
		d.https.URL("localhost"),
		d.http.URL("127.0.0.1") + "/",
		d.https.URL("127.0.0.1") + "/",
	}
}

// seed sets up what the samples need. A second time there is nothing to do.
func seed(ctx context.Context, s store.Store, dir string) error {
	doc, err := setup.Parse("dev.yaml", devDocument)
	if err != nil {
		return err
	}
	plan, err := setup.Compare(ctx, s, doc, setup.Options{Dir: dir})
	if err != nil {
		return err
	}
	_, err = plan.Apply(ctx)
	return err
}

func (d *development) serveSamples(servers *httpd.Group, f devFlags, stderr io.Writer, logger *slog.Logger) error {
	for _, sample := range devSamples {
		handler, err := d.sample(sample.name, logger.With("api", sample.name))
		if err != nil {
			return err
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
		d.samples = append(d.samples, runningSample{sample.name, l.URL("127.0.0.1")})
	}
	return nil
}

func (d *development) sample(name string, logger *slog.Logger) (http.Handler, error) {
	getenv := lookupIn(d.vars)
	options := sampleapi.Options{Logger: logger, InsecureExplain: true}
	switch name {
	case "zitadel-api":
		return zitadelapi.Options{Options: options, Issuers: d.issuers()}.New(getenv)
	case "auth0-quickstart":
		return auth0quickstart.Options{Options: options}.New(getenv)
	default:
		return helloworld.Options{Options: options}.New(getenv)
	}
}

// token obtains one as a client would, so that a dev that printed it is known to work.
func (d *development) token(ctx context.Context) (string, error) {
	getenv := lookupIn(d.vars)
	client, err := roots.Client(getenv)
	if err != nil {
		return "", err
	}
	source, err := serviceuser.ClientCredentials{
		Issuer:     getenv("ZITADEL_DOMAIN"),
		Auth:       clientauth.SecretBasic(getenv("SERVICE_USER_CLIENT_ID"), getenv("SERVICE_USER_CLIENT_SECRET")),
		Scopes:     []string{"openid", "urn:zitadel:iam:org:project:id:" + getenv("PROJECT_ID") + ":aud", "read:messages"},
		HTTPClient: client,
	}.Source()
	if err != nil {
		return "", err
	}
	token, err := source.TokenContext(ctx)
	if err != nil {
		return "", fmt.Errorf("the authorization server gives no token: %w", err)
	}
	return token.AccessToken, nil
}

func (d *development) print(w io.Writer, token string) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nPostern is ready. Ctrl-C stops it.\n\n")
	fmt.Fprintf(&b, "  authorization server  %s   %s\n", d.http.URL("localhost"), d.https.URL("localhost"))
	for _, sample := range d.samples {
		fmt.Fprintf(&b, "  %-20s  %s\n", sample.name, sample.url)
	}
	fmt.Fprintf(&b, "  variables             %s\n", filepath.Join(d.dir, "dev.env"))
	fmt.Fprintf(&b, "  certificate authority %s\n", d.ca.File())
	fmt.Fprintf(&b, "\nPrograms in other languages trust it with:\n\n  export SSL_CERT_FILE='%[1]s' REQUESTS_CA_BUNDLE='%[1]s' NODE_EXTRA_CA_CERTS='%[1]s'\n", d.ca.File())
	fmt.Fprintf(&b, "\nA token of a service user with the role read:messages, good for a while:\n\n  %s\n", token)
	for _, sample := range d.samples {
		if sample.name == "zitadel-api" {
			route := sample.url + "/api/private-scoped"
			fmt.Fprintf(&b, "\nTry, in another terminal:\n\n")
			fmt.Fprintf(&b, "  # 200: a good token with the role\n  curl -i %s -H 'Authorization: Bearer %s'\n\n", route, token)
			fmt.Fprintf(&b, "  # 401: no token\n  curl -i %s\n\n", route)
			fmt.Fprintf(&b, "  # 403: a good token without the role\n  curl -i %s -H 'Authorization: Bearer %s'\n", route, lookupIn(d.vars)("PAT_WITHOUT_ROLE"))
		}
	}
	io.WriteString(w, b.String()+"\n")
}
