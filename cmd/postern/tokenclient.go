package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/postern-auth/postern/clientauth"
	"github.com/spf13/cobra"
)

// clientProof is how a client proves itself, by flags or the environment. A secret is never the value of a
// flag: other users of the machine can read those.
type clientProof struct {
	id, secretFile, keyFile string // flags
	secret                  string // from the environment
}

func (p *clientProof) flags(c *cobra.Command, id string) {
	f := c.Flags()
	f.StringVar(&p.id, "client-id", "", "client `id` (default "+id+")")
	f.StringVar(&p.secretFile, "client-secret-file", "", "`file` that holds the client secret; - reads standard input")
	f.StringVar(&p.keyFile, "key-file", "", "key `file`, to prove the client by its key instead of a secret")
}

// given reports whether flags say how the client proves itself.
func (p *clientProof) given() bool { return p.secretFile != "" || p.keyFile != "" }

// complete fills in from what the environment says. Its secret comes before its key, and flags come before
// both: a client has one proof, never two.
func (p *clientProof) complete(environment clientProof) {
	switch {
	case p.given():
	case environment.secret != "":
		p.secret = environment.secret
	default:
		p.keyFile = environment.keyFile
	}
	if p.id == "" && p.keyFile == "" {
		p.id = environment.id
	}
}

// method returns the client's proof. The error is one of usage.
func (p *clientProof) method(e *env) (clientauth.Method, error) {
	if p.keyFile != "" && p.secretFile != "" {
		return nil, usage("--key-file and --client-secret-file are two proofs: give one")
	}
	if p.keyFile != "" {
		key, err := clientauth.ReadKeyFile(p.keyFile)
		if err != nil {
			return nil, usage("%w", err)
		}
		// The key file names the client; a second name would be for another one.
		if p.id != "" && p.id != key.Subject() {
			return nil, usage("client id is %q, but the key is of %q: leave the id out", p.id, key.Subject())
		}
		return clientauth.PrivateKeyJWT(key), nil
	}
	if p.secretFile != "" {
		var err error
		if p.secret, err = readSecret(e, p.secretFile); err != nil {
			return nil, usage("client secret: %w", err)
		}
	}
	e.secret = p.secret
	return clientauth.SecretBasic(p.id, p.secret), nil
}

// maxSecret bounds what is read as a secret or a token.
const maxSecret = 64 << 10

// readSecret reads a file, or standard input for "-", without the line end behind it and a byte order mark
// before it.
func readSecret(e *env, path string) (string, error) {
	in, name := e.stdin, "standard input"
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in, name = file, path
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSecret {
		return "", fmt.Errorf("%s is longer than %d bytes", name, maxSecret)
	}
	// Some editors begin a file with a byte order mark.
	secret := strings.TrimRight(strings.TrimPrefix(string(text), "\ufeff"), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return secret, nil
}
