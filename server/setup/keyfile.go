package setup

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/jws"
)

// parseKeyFile reads a key file and returns it with its public key as the store has it. Errors quote
// nothing of the file, for it may hold a secret in a wrong place.
func parseKeyFile(content []byte) (clientauth.KeyFile, []byte, error) {
	var f clientauth.KeyFile
	if err := json.Unmarshal(content, &f); err != nil {
		return f, nil, errors.New("setup: key file is not JSON")
	}
	private, err := jws.ParsePrivateKey([]byte(f.Key))
	if err != nil {
		return f, nil, fmt.Errorf("setup: key file: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	return f, public, err
}
