// Package keyfile writes the files by which clients prove themselves with a key. Package clientauth reads them.
package keyfile

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/server/store"
)

// For returns the key file of a client, without a key.
func For(owner store.Owner, clientID string) clientauth.KeyFile {
	if owner.Kind == store.ServiceUserClient {
		return clientauth.KeyFile{Type: clientauth.ServiceAccount, UserID: owner.ID}
	}
	return clientauth.KeyFile{Type: clientauth.Application, ClientID: clientID, AppID: owner.ID}
}

// Encode returns the content of the key file with this key in it, whose id is that of its row.
func Encode(f clientauth.KeyFile, id string, private crypto.Signer) ([]byte, error) {
	block, err := privateBlock(private)
	if err != nil {
		return nil, fmt.Errorf("keyfile: encoding a key: %w", err)
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
