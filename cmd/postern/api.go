package main

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"

	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/examples/zitadelapi"
	"github.com/spf13/cobra"
)

// newAPICommand returns the commands that run the sample APIs.
func newAPICommand(e *env) *cobra.Command {
	return group("api", "Run a sample API",
		newZitadelAPICommand(e),
		newSampleCommand(e, sample{
			name:    "auth0-quickstart",
			short:   "Run the API that verifies JWTs, with the scope read:messages",
			needs:   "AUTH0_DOMAIN and API_IDENTIFIER; CLIENT_ORIGIN_URL, ERROR_FORMAT and PORT may be set",
			listen:  auth0quickstart.Listen,
			handler: func(o sampleapi.Options) newHandler { return auth0quickstart.Options{Options: o}.New },
		}),
		newHelloWorldCommand(e),
	)
}

func newZitadelAPICommand(e *env) *cobra.Command {
	var missingRole int
	c := newSampleCommand(e, sample{
		name:   "zitadel-api",
		short:  "Run the API that introspects tokens, with the role read:messages",
		needs:  "ZITADEL_DOMAIN, and API_PRIVATE_KEY_FILE or API_CLIENT_ID and API_CLIENT_SECRET; ZITADEL_INTROSPECTION_URL and PROJECT_ID may be set",
		listen: zitadelapi.Listen,
		handler: func(o sampleapi.Options) newHandler {
			return zitadelapi.Options{Options: o, MissingRoleStatus: missingRole}.New
		},
	})
	c.Flags().IntVar(&missingRole, "missing-role-status", http.StatusForbidden, "answer a good token without the role with this `status`: 403, or 401 as the Python samples do")
	return c
}

func newHelloWorldCommand(e *env) *cobra.Command {
	var anyTokenIsAdmin bool
	c := newSampleCommand(e, sample{
		name:   "hello-world",
		short:  "Run the API for a browser application, with the permission read:admin-messages",
		needs:  "AUTH0_DOMAIN, AUTH0_AUDIENCE and CLIENT_ORIGIN_URL; PORT may be set",
		listen: helloworld.Listen,
		handler: func(o sampleapi.Options) newHandler {
			return helloworld.Options{Options: o, InsecureAnyTokenIsAdmin: anyTokenIsAdmin}.New
		},
	})
	c.Flags().BoolVar(&anyTokenIsAdmin, "insecure-any-token-is-admin", false, "let any good token into /api/messages/admin, as the Python sample does before it is taught permissions")
	return c
}

// newHandler makes a sample API from its variables.
type newHandler = func(getenv func(string) string) (http.Handler, error)

// sample is a sample API as a command.
type sample struct {
	name, short string
	needs       string                             // its variables, for the help text
	listen      func(func(string) string) string   // its usual address
	handler     func(sampleapi.Options) newHandler // called when the flags are parsed
}

func newSampleCommand(e *env, s sample) *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   s.name,
		Short: s.short,
		Long:  s.short + ".\n\nIt needs " + s.needs + ", in the environment or in .env. CA_FILE and SSL_CERT_FILE\nname certificate authorities to trust beside the system's.",
		Args:  positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			getenv, err := e.environ()
			if err != nil {
				return err
			}
			logger := slog.New(slog.NewTextHandler(e.stderr, nil))
			handler, err := s.handler(sampleapi.Options{Logger: logger})(getenv)
			if err != nil {
				return usage("%w", err)
			}
			usual := s.listen(getenv)
			_, port, _ := net.SplitHostPort(usual)
			listen = cmp.Or(withPort(listen, port), usual)
			ignoreHangUp()
			return sampleapi.Serve(c.Context(), s.name, listen, handler, e.stderr)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "the `address` to listen on (default the sample's port, on this machine alone)")
	return c
}
