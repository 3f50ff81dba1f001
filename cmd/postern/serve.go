package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store/sqlite"
	"github.com/spf13/cobra"
)

// databaseFile is the store's file in a data folder.
const databaseFile = "postern.db"

// openStore opens the store in the data folder, making both when they are not there. The folder is its
// owner's alone, for it holds the signing keys.
func openStore(ctx context.Context, dir string) (*sqlite.Store, error) {
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, filepath.Join(dir, databaseFile), sqlite.Options{})
}

func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("data folder %s is open to others (mode %#o): chmod 700 it, for it holds keys", dir, info.Mode().Perm())
	}
	return nil
}

type serveFlags struct {
	data, listen     string
	issuers          []string
	tlsCert, tlsKey  string
	signingAlgorithm string
}

func newServeCommand(e *env) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve --data DIR --issuer URL…",
		Short: "Run the authorization server",
		Long: "Serve runs the authorization server on the store in a data folder. Set it up with 'postern apply',\n" +
			"before or while it runs. Each --issuer is what tokens carry in iss, byte for byte; the host of a\n" +
			"request chooses among them.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return serve(c.Context(), e, f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.data, "data", "", "data `folder` (required)")
	flags.StringArrayVar(&f.issuers, "issuer", nil, "issuer `URL`; may be given again (required)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen on")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "certificate `file` in PEM, with those that lead to its authority")
	flags.StringVar(&f.tlsKey, "tls-key", "", "private key `file` in PEM")
	flags.StringVar(&f.signingAlgorithm, "signing-algorithm", "", "alg of RFC 9068 tokens whose API names none (default ES256)")
	return c
}

func serve(ctx context.Context, e *env, f serveFlags) error {
	switch {
	case f.data == "":
		return usage("serve needs --data, the folder of its store")
	case len(f.issuers) == 0:
		return usage("serve needs --issuer, such as https://login.example.com")
	case (f.tlsCert == "") != (f.tlsKey == ""):
		return usage("--tls-cert and --tls-key go together")
	}
	var config *tls.Config
	if f.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
		if err != nil {
			return fmt.Errorf("--tls-cert %s with --tls-key %s: %w", f.tlsCert, f.tlsKey, err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	l, err := httpd.Listen(f.listen, "--listen", config)
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := openStore(ctx, f.data)
	if err != nil {
		return err
	}
	defer s.Close()
	authorization, err := server.New(ctx, server.Config{
		Store:            s,
		Issuers:          f.issuers,
		SigningAlgorithm: f.signingAlgorithm,
		Logger:           slog.New(slog.NewTextHandler(e.stderr, nil)),
	})
	if err != nil {
		return err
	}
	defer authorization.Close()
	var servers httpd.Group
	servers.Serve(l, authorization)
	fmt.Fprintf(e.stderr, "postern: %s, listening on %s\n", strings.Join(f.issuers, " "), l.Addr())
	return servers.Wait(ctx)
}

// exists reports whether there is a file, and an error when that cannot be told.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
