package examples_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/examples/zitadelapi"
	"github.com/postern-auth/postern/internal/environ"
)

func TestSamplesNameEverythingThatIsWrongWithTheirVariables(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(broken, []byte(`{"type":"application","key":"`+canary+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const key = "API_PRIVATE_KEY_FILE or API_CLIENT_ID and API_CLIENT_SECRET"
	const unset = ": set in the environment or in .env"
	const origin = ", want an origin such as http://localhost:4040, without a path and a final slash"
	const domain = ", want a host such as example.eu.auth0.com, without https:// and slashes"
	for _, c := range []struct {
		name   string
		sample func(func(string) string) (http.Handler, error)
		env    env
		want   string
	}{
		{"zitadel-api with nothing", zitadelapi.New, nil, "zitadel-api: missing ZITADEL_DOMAIN, " + key + unset},
		{"zitadel-api without a way to prove itself", zitadelapi.New, env{"ZITADEL_DOMAIN": "https://a.example"}, "zitadel-api: missing " + key + unset},
		{"zitadel-api with half a pair", zitadelapi.New, env{"ZITADEL_DOMAIN": "https://a.example", "API_CLIENT_ID": "x", "CLIENT_SECRET": canary}, "zitadel-api: missing API_CLIENT_SECRET" + unset},
		{"zitadel-api with a secret alone", zitadelapi.New, env{"CLIENT_SECRET": canary}, "zitadel-api: missing ZITADEL_DOMAIN, CLIENT_ID" + unset},
		{"zitadel-api with a domain that is not a URL", zitadelapi.New, merge(bySecret, env{"ZITADEL_DOMAIN": "a.example"}),
			`zitadel-api: ZITADEL_DOMAIN or ZITADEL_INTROSPECTION_URL: introspection: Config.Issuer: "a.example" is not an absolute URL`},
		{"zitadel-api with a domain over http", zitadelapi.New, merge(bySecret, env{"ZITADEL_DOMAIN": "http://a.example"}),
			`zitadel-api: ZITADEL_DOMAIN or ZITADEL_INTROSPECTION_URL: introspection: Config.Issuer: "http://a.example" is not https, which only loopback hosts need not be`},
		{"zitadel-api with a key file that is not there", zitadelapi.New, env{"ZITADEL_DOMAIN": "https://a.example", "API_PRIVATE_KEY_FILE": "/nowhere/key.json"},
			"zitadel-api: API_PRIVATE_KEY_FILE: clientauth: key file: open /nowhere/key.json: no such file or directory"},
		{"zitadel-api with a broken key file", zitadelapi.New, env{"ZITADEL_DOMAIN": "https://a.example", "API_PRIVATE_KEY_FILE": broken},
			"zitadel-api: API_PRIVATE_KEY_FILE: clientauth: key file " + broken + ": member clientId is missing"},
		{"zitadel-api with a CA file that is not there", zitadelapi.New, merge(bySecret, env{"ZITADEL_DOMAIN": "https://a.example", "CA_FILE": "/nowhere/ca.pem"}),
			"zitadel-api: roots: CA_FILE: open /nowhere/ca.pem: no such file or directory"},
		{"auth0-quickstart with nothing", auth0quickstart.New, nil, "auth0-quickstart: missing AUTH0_DOMAIN, API_IDENTIFIER" + unset},
		{"auth0-quickstart with a URL for a domain", auth0quickstart.New, env{"AUTH0_DOMAIN": "https://a.example/", "API_IDENTIFIER": "x"}, `auth0-quickstart: AUTH0_DOMAIN is "https://a.example/"` + domain},
		{"auth0-quickstart with a domain elsewhere over http", auth0quickstart.New, env{"AUTH0_DOMAIN": "http://a.example", "API_IDENTIFIER": "x"},
			`auth0-quickstart: jwt: Config.JWKSURL: "http://a.example/.well-known/jwks.json" is not https, which only loopback hosts need not be`},
		{"auth0-quickstart with a path behind a domain over http", auth0quickstart.New, env{"AUTH0_DOMAIN": "http://localhost:1/b", "API_IDENTIFIER": "x"}, `auth0-quickstart: AUTH0_DOMAIN is "http://localhost:1/b"` + domain},
		{"auth0-quickstart with nothing behind http", auth0quickstart.New, env{"AUTH0_DOMAIN": "http://", "API_IDENTIFIER": "x"}, `auth0-quickstart: AUTH0_DOMAIN is "http://"` + domain},
		{"auth0-quickstart with a path behind the domain", auth0quickstart.New, env{"AUTH0_DOMAIN": "a.example/b"},
			"auth0-quickstart: missing API_IDENTIFIER" + unset + "\n" + `AUTH0_DOMAIN is "a.example/b"` + domain},
		{"auth0-quickstart with another host behind an @", auth0quickstart.New, env{"AUTH0_DOMAIN": "a.example@evil.example", "API_IDENTIFIER": "x"}, `auth0-quickstart: AUTH0_DOMAIN is "a.example@evil.example"` + domain},
		{"auth0-quickstart with an unknown format", auth0quickstart.New, env{"AUTH0_DOMAIN": "a.example", "API_IDENTIFIER": "x", "ERROR_FORMAT": "xml"}, `auth0-quickstart: ERROR_FORMAT is "xml", want oauth or nothing`},
		{"auth0-quickstart with any origin", auth0quickstart.New, env{"AUTH0_DOMAIN": "a.example", "API_IDENTIFIER": "x", "CLIENT_ORIGIN_URL": "*"}, `auth0-quickstart: CLIENT_ORIGIN_URL is "*"` + origin},
		{"hello-world with nothing", helloworld.New, nil, "hello-world: missing AUTH0_DOMAIN, AUTH0_AUDIENCE, CLIENT_ORIGIN_URL" + unset},
		{"hello-world with a slash behind the origin", helloworld.New, env{"AUTH0_DOMAIN": "a.example", "AUTH0_AUDIENCE": "x", "CLIENT_ORIGIN_URL": client + "/"}, `hello-world: CLIENT_ORIGIN_URL is "` + client + `/"` + origin},
		{"hello-world with the origin null", helloworld.New, env{"AUTH0_DOMAIN": "a.example", "AUTH0_AUDIENCE": "x", "CLIENT_ORIGIN_URL": "null"}, `hello-world: CLIENT_ORIGIN_URL is "null"` + origin},
	} {
		t.Run(c.name, func(t *testing.T) {
			handler, err := c.sample(c.env.get)
			if err == nil || handler != nil {
				t.Fatalf("handler %v, error %v; want an error alone", handler, err)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func merge(a, b env) env { return env(headers(a, b)) }

func TestSamplesListenOnThisMachineAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		listen func(func(string) string) string
		env    env
		want   string
	}{
		{"zitadel-api", zitadelapi.Listen, nil, "127.0.0.1:5000"},
		{"zitadel-api, which knows no PORT", zitadelapi.Listen, env{"PORT": "8000"}, "127.0.0.1:5000"},
		{"auth0-quickstart", auth0quickstart.Listen, nil, "127.0.0.1:3010"},
		{"auth0-quickstart with PORT", auth0quickstart.Listen, env{"PORT": "8000"}, "127.0.0.1:8000"},
		{"hello-world", helloworld.Listen, nil, "127.0.0.1:6060"},
		{"hello-world with PORT", helloworld.Listen, env{"PORT": "8000"}, "127.0.0.1:8000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.listen(c.env.get); got != c.want {
				t.Errorf("listens on %s, want %s", got, c.want)
			}
		})
	}
}

func TestServeNamesThePortThatIsInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	var messages bytes.Buffer
	err = sampleapi.Serve(t.Context(), "hello-world", address, http.NotFoundHandler(), &messages)
	_, port, _ := net.SplitHostPort(address)
	want := "hello-world: port " + port + " (" + address + ") is in use by another program: stop that one, or choose another address with --listen"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	if messages.Len() > 0 {
		t.Errorf("wrote %q though it does not listen", messages.String())
	}
}

func TestServeLetsRequestsUnderWayFinish(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		io.WriteString(w, "done")
	})
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- sampleapi.Serve(ctx, "slow", "127.0.0.1:0", slow, write) }()
	line := make([]byte, 100)
	n, err := read.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	url, found := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "slow listens on ")
	if !found {
		t.Fatalf("first line is %q", line[:n])
	}
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); string(body) != "done" || err != nil {
		t.Errorf("body is %q (%v), want done", body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v, want nil", err)
	}
}

// Whoever copies the file to .env and fills in what is empty has a sample that starts, and sees every
// variable that there is.
func TestEnvExamplesNameEveryVariableOfTheirSample(t *testing.T) {
	for _, c := range []struct {
		folder string
		sample func(func(string) string) (http.Handler, error)
		names  string
	}{
		{"zitadelapi", zitadelapi.New, "ZITADEL_DOMAIN ZITADEL_INTROSPECTION_URL API_CLIENT_ID API_CLIENT_SECRET API_PRIVATE_KEY_FILE PROJECT_ID CA_FILE"},
		{"auth0quickstart", auth0quickstart.New, "AUTH0_DOMAIN API_IDENTIFIER PORT CLIENT_ORIGIN_URL ERROR_FORMAT CA_FILE"},
		{"helloworld", helloworld.New, "AUTH0_DOMAIN AUTH0_AUDIENCE CLIENT_ORIGIN_URL PORT CA_FILE"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			path := filepath.Join(c.folder, ".env.example")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for line := range strings.Lines(string(text)) {
				name, _, found := strings.Cut(strings.TrimPrefix(line, "#"), "=")
				if found {
					names = append(names, name)
				}
			}
			if diff := cmp.Diff(strings.Fields(c.names), names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			fill := func(name string) (string, bool) { return "filled-in", strings.HasPrefix(name, "API_CLIENT_") }
			getenv, err := environ.Read(path, fill)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.sample(getenv); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFindingR3_ZitadelAPIWithoutProjectSaysAtStartWhoDecidesAboutAudiences(t *testing.T) {
	for _, c := range []struct {
		name string
		env  env
		want int
	}{
		{"without PROJECT_ID", bySecret, 1},
		{"with PROJECT_ID", merge(bySecret, env{"PROJECT_ID": "p1"}), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			options := zitadelapi.Options{Options: sampleapi.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
			if _, err := options.New(merge(c.env, env{"ZITADEL_DOMAIN": "https://a.example"}).get); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(log.String(), "\n"); got != c.want || got == 1 && !strings.Contains(log.String(), "level=WARN msg=\"PROJECT_ID is not set: tokens of any audience pass") {
				t.Errorf("%d lines, want %d of level WARN that name PROJECT_ID:\n%s", got, c.want, log.String())
			}
		})
	}
}
