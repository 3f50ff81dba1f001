package setup

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/store"
)

// newKeyFile returns the key file of an owner, without a key.
func newKeyFile(o owner) clientauth.KeyFile {
	if o.Kind == store.ServiceUserClient {
		return clientauth.KeyFile{Type: clientauth.ServiceAccount, UserID: o.ID}
	}
	return clientauth.KeyFile{Type: clientauth.Application, ClientID: o.clientID, AppID: o.ID}
}

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

// encodeKeyFile returns the content of the key file with this key in it.
func encodeKeyFile(f clientauth.KeyFile, id string, private crypto.Signer) ([]byte, error) {
	block, err := privateBlock(private)
	if err != nil {
		return nil, fmt.Errorf("setup: encode a key: %w", err)
	}
	f.KeyID, f.Key = id, string(pem.EncodeToMemory(block))
	return f.JSON()
}

// privateBlock encodes RSA keys as PKCS #1, the one form that older clients read, and others as PKCS #8.
func privateBlock(private crypto.Signer) (*pem.Block, error) {
	if key, ok := private.(*rsa.PrivateKey); ok {
		return &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}, nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	return &pem.Block{Type: "PRIVATE KEY", Bytes: der}, err
}
