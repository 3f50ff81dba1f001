package keys

import (
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/store"
)

// ErrUnreadable says that a key in the store cannot be read.
var ErrUnreadable = errors.New("cannot be opened")

// sealing is what private keys are sealed for.
const sealing = "signing key"

// owner is what the seal of a key is bound to, so that no row can be put in the place of another.
func owner(row store.SigningKey) string { return row.ID + " " + row.Algorithm }

// Sealed reports whether the private key of a row is sealed. As it is, it is an ASN.1 SEQUENCE.
func Sealed(row store.SigningKey) bool { return len(row.PrivateKey) == 0 || row.PrivateKey[0] != 0x30 }

// seal seals the private key of a row, where there is a key to do it by.
func (r *Ring) seal(row store.SigningKey) store.SigningKey {
	if r.config.Sealing.Any() {
		row.PrivateKey = r.config.Sealing.Seal(sealing, owner(row), row.PrivateKey)
	}
	return row
}

// open returns the private key of a row as PKCS #8.
func (r *Ring) open(row store.SigningKey) ([]byte, error) {
	if !Sealed(row) {
		return row.PrivateKey, nil
	}
	der, err := r.config.Sealing.Open(sealing, owner(row), row.PrivateKey)
	switch {
	case errors.Is(err, seal.ErrNoKey):
		return nil, fmt.Errorf("keys: signing key %q %w: %w: bring that data key back, behind the others", row.ID, ErrUnreadable, err)
	case err != nil:
		return nil, fmt.Errorf("keys: signing key %q %w: %w", row.ID, ErrUnreadable, err)
	}
	return der, nil
}

// Reseal returns those of the rows that are not sealed by the first of the data keys, sealed by it. Errors name a key
// that cannot be opened.
func (r *Ring) Reseal(rows []store.SigningKey) (sealed []store.SigningKey, err error) {
	if !r.config.Sealing.Any() {
		return nil, errors.New("keys: there is no data key to seal by")
	}
	for _, row := range rows {
		if Sealed(row) && r.config.Sealing.First(row.PrivateKey) {
			continue
		}
		if row.PrivateKey, err = r.open(row); err != nil {
			return nil, err
		}
		sealed = append(sealed, r.seal(row))
	}
	return sealed, nil
}
