// Package passkey runs the two ceremonies of WebAuthn, by which a person's device makes a key pair and proves later
// that it has it. It keeps nothing and knows no HTTP: the caller keeps what Begin returns, gives it to Finish once,
// and throws it away before.
//
//	rp, ok := passkey.For(issuer, "Example Company")
//	if !ok {
//		// the issuer's host cannot have passkeys
//	}
//	options, waiting, err := rp.BeginLogin()
//	…
//	use, err := rp.FinishLogin(waiting, answer, func(credential, handle []byte) (store.Passkey, store.UserHandle, error) {
//		…
//	})
//	err = tx.UsePasskey(ctx, use.ID, use.SignCount, use.Record, now)
//
// What counts is always the same: the device has verified its person (by finger, face or PIN), so that a passkey is
// two factors in one; the page that asked was one of the issuer's origin; and the passkey is discoverable, so that
// nobody has to name an account first and no answer says which ones there are.
package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/postern-auth/postern/server/store"
)

// MaxAnswer is the length in bytes beyond which an answer of a browser is refused unread.
const MaxAnswer = 12 << 10

// ErrRefused says that an answer proves nothing. The errors that wrap it say why, for the log.
var ErrRefused = errors.New("passkey: refused")

// RelyingParty is an issuer as devices know it. It is safe for concurrent use.
type RelyingParty struct {
	ID       string // the host: a passkey is good for it alone
	webauthn *webauthn.WebAuthn
}

// For returns the relying party of an issuer, which people know by the name. It is false where there can be none:
// browsers make no passkeys for an address without a name, nor on http but for localhost.
func For(issuer, name string) (*RelyingParty, bool) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, false
	}
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return nil, false
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, false
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID:          host,
		RPDisplayName: name,
		RPOrigins:     []string{origin(u)},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		AttestationPreference: protocol.PreferNoAttestation,
		// Browsers and password managers add what nobody asked for; nothing here reads it.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil || protocol.ValidateRPID(host) != nil {
		return nil, false
	}
	return &RelyingParty{ID: host, webauthn: w}, true
}

// origin returns that of an issuer as browsers write it.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; strings.HasSuffix(host, port) {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + host
}

// BeginLogin returns the options for navigator.credentials.get, as JSON, and what FinishLogin has to be given.
func (rp *RelyingParty) BeginLogin() (options []byte, waiting string, err error) {
	assertion, session, err := rp.webauthn.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("passkey: %w", err)
	}
	return begun(assertion.Response, session)
}

func begun(response any, session *webauthn.SessionData) ([]byte, string, error) {
	options, err := json.Marshal(response)
	if err != nil {
		return nil, "", fmt.Errorf("passkey: %w", err)
	}
	waiting, err := json.Marshal(session)
	if err != nil {
		return nil, "", fmt.Errorf("passkey: %w", err)
	}
	return options, string(waiting), nil
}

// A Use is a passkey that has just proved whose it is.
type Use struct {
	store.Passkey
	// SignCount is the authenticator's count with this use, and Record what the next one is checked against. That
	// the count has gone up is for the store to say, in one conditional update.
	SignCount uint32
	Record    string
}

// Find returns the passkey with the credential that an authenticator named, and the handle of its user. Errors:
// store.ErrNotFound, or an outage.
type Find func(credential []byte) (store.Passkey, store.UserHandle, error)

// FinishLogin checks the answer of a browser to what BeginLogin asked. Errors: ErrRefused; what find returned for an
// outage.
func (rp *RelyingParty) FinishLogin(waiting, answer string, find Find) (Use, error) {
	session, err := rp.session(waiting)
	if err != nil {
		return Use{}, err
	}
	if len(answer) > MaxAnswer {
		return Use{}, refused(fmt.Errorf("an answer of %d bytes, want at most %d", len(answer), MaxAnswer))
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return Use{}, refused(err)
	}
	var found store.Passkey
	var outage error
	_, credential, err := rp.webauthn.ValidatePasskeyLogin(func(id, handle []byte) (webauthn.User, error) {
		passkey, of, err := find(id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, err
		case err != nil:
			outage = err
			return nil, err
		case passkey.RPID != rp.ID:
			return nil, fmt.Errorf("it is for %q", passkey.RPID)
		}
		found = passkey
		owner, err := ownerOf(passkey, of)
		if err != nil {
			outage = err
		}
		return owner, err
	}, session, parsed)
	switch {
	case outage != nil:
		return Use{}, fmt.Errorf("passkey: %w", outage)
	case err != nil:
		return Use{}, refused(err)
	}
	// Whether the count went up is decided by the store; the record would say so of former uses, too.
	credential.Authenticator.CloneWarning = false
	credential.Authenticator.SignCount = parsed.Response.AuthenticatorData.Counter
	record, err := json.Marshal(credential)
	if err != nil {
		return Use{}, fmt.Errorf("passkey: %w", err)
	}
	return Use{found, credential.Authenticator.SignCount, string(record)}, nil
}

// Owner is the person for whom a passkey is made.
type Owner struct {
	Handle store.UserHandle
	// Name is what their device shows to tell their accounts apart, Called what it calls them.
	Name, Called string
	// Has are the passkeys that they have: a device makes no second one.
	Has []store.Passkey
}

// BeginEnrolment returns the options for navigator.credentials.create, as JSON, and what FinishEnrolment has to be
// given.
func (rp *RelyingParty) BeginEnrolment(o Owner) (options []byte, waiting string, err error) {
	p := &person{handle: o.Handle, name: o.Name, called: o.Called}
	var has []protocol.CredentialDescriptor
	for _, passkey := range o.Has {
		if passkey.RPID == rp.ID {
			has = append(has, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: passkey.Credential})
		}
	}
	creation, session, err := rp.webauthn.BeginRegistration(p, webauthn.WithExclusions(has))
	if err != nil {
		return nil, "", fmt.Errorf("passkey: %w", err)
	}
	return begun(creation.Response, session)
}

// FinishEnrolment checks the answer of a browser to what BeginEnrolment asked, and returns the passkey that was made,
// without ID, user, name and time. Errors: ErrRefused.
func (rp *RelyingParty) FinishEnrolment(o Owner, waiting, answer string) (store.Passkey, error) {
	session, err := rp.session(waiting)
	if err != nil {
		return store.Passkey{}, err
	}
	if len(answer) > MaxAnswer {
		return store.Passkey{}, refused(fmt.Errorf("an answer of %d bytes, want at most %d", len(answer), MaxAnswer))
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return store.Passkey{}, refused(err)
	}
	credential, err := rp.webauthn.CreateCredential(&person{handle: o.Handle}, session, parsed)
	if err != nil {
		return store.Passkey{}, refused(err)
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return store.Passkey{}, fmt.Errorf("passkey: %w", err)
	}
	return store.Passkey{
		Credential: credential.ID, RPID: rp.ID, Record: string(record), SignCount: credential.Authenticator.SignCount,
	}, nil
}

// session reads what a ceremony waits with. One that does not demand that the person is verified is not of our
// making.
func (rp *RelyingParty) session(waiting string) (webauthn.SessionData, error) {
	var session webauthn.SessionData
	if err := json.Unmarshal([]byte(waiting), &session); err != nil {
		return webauthn.SessionData{}, fmt.Errorf("passkey: what a ceremony waits with: %w", err)
	}
	if session.UserVerification != protocol.VerificationRequired || session.RelyingPartyID != rp.ID {
		return webauthn.SessionData{}, refused(errors.New("it was begun for another host"))
	}
	return session, nil
}

// refused says why an answer proves nothing. What the library tells the developer is in another field than its
// text.
func refused(err error) error {
	if told := new(protocol.Error); errors.As(err, &told) && told.DevInfo != "" {
		return fmt.Errorf("%w: %s: %.200s", ErrRefused, told.Details, told.DevInfo)
	}
	return fmt.Errorf("%w: %.200s", ErrRefused, err.Error())
}

// person is a webauthn.User.
type person struct {
	handle       store.UserHandle
	name, called string
	has          []webauthn.Credential
}

func ownerOf(p store.Passkey, handle store.UserHandle) (*person, error) {
	var credential webauthn.Credential
	if err := json.Unmarshal([]byte(p.Record), &credential); err != nil {
		return nil, fmt.Errorf("the record of %q: %w", p.ID, err)
	}
	return &person{handle: handle, has: []webauthn.Credential{credential}}, nil
}

func (p *person) WebAuthnID() []byte                         { return p.handle[:] }
func (p *person) WebAuthnName() string                       { return p.name }
func (p *person) WebAuthnDisplayName() string                { return p.called }
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.has }
