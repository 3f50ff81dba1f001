// Package notice is what people are told about their account when something happened to it that they should hear of
// even if it was not them. Where it happens, it is said; how it reaches them is for whoever gives the Teller.
package notice

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

// A Kind is what has happened.
type Kind string

// What people are told.
const (
	WrongCodes       Kind = "wrong_codes"        // somebody with the password has tried many codes of the second factor
	RecoveryCodeUsed Kind = "recovery_code_used" // a recovery code has been used
	SecondFactorOn   Kind = "second_factor_on"
	SecondFactorOff  Kind = "second_factor_off"
	RecoveryCodesNew Kind = "recovery_codes_new" // a new set has taken the place of the former
	PasskeyAdded     Kind = "passkey_added"
	PasskeyRemoved   Kind = "passkey_removed"
	PasswordChanged  Kind = "password_changed" // in a session, by whoever knew the former one
	PasskeyCopied    Kind = "passkey_copied"   // a passkey was refused: its count shows that there are two of it
)

// A Teller tells a person, within the transaction of what has happened, so that they are told of that and of nothing
// that was undone. The function may run again with its transaction. Nil tells nobody.
type Teller func(ctx context.Context, tx store.Tx, userID string, k Kind) error

// Tell tells the person with the id.
func (t Teller) Tell(ctx context.Context, tx store.Tx, userID string, k Kind) error {
	if t == nil {
		return nil
	}
	return t(ctx, tx, userID, k)
}
