package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"maps"
	"regexp"
	"testing"
)

// device is an authenticator with one passkey, as far as the server can tell. Its fields are what a test has it lie
// about.
type device struct {
	t      testing.TB
	key    *ecdsa.PrivateKey
	id     []byte
	handle string // of the user, as the options named it
	rpID   string
	origin string
	flags  byte
	count  uint32 // of the next use
	counts bool
	// client is added to what the browser says, answer to the answer.
	client, answer map[string]any
}

// The flags of an authenticator (WebAuthn §6.1).
const (
	present, verified, eligible, backedUp, attested = 1, 4, 8, 16, 64
)

// newDevice returns a device that is in front of pages of a host.
func newDevice(t testing.TB, host string) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &device{t: t, key: key, id: id, rpID: host, origin: "https://" + host, flags: present | verified | eligible | backedUp}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// options are what a page asks of a device.
type options struct {
	Challenge              string
	RPID                   string
	UserVerification       string
	AllowCredentials       []any
	RP                     struct{ ID, Name string }
	User                   struct{ ID, Name, DisplayName string }
	ExcludeCredentials     []struct{ ID string }
	AuthenticatorSelection struct {
		ResidentKey, UserVerification string
		RequireResidentKey            bool
	}
}

func (d *device) read(text string) (o options) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(text), &o); err != nil || o.Challenge == "" {
		d.t.Fatalf("options %q: %v", text, err)
	}
	return o
}

func (d *device) clientData(kind, challenge string) []byte {
	data := map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false}
	maps.Copy(data, d.client)
	text, err := json.Marshal(data)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

func (d *device) authData(more ...byte) []byte {
	sum := sha256.Sum256([]byte(d.rpID))
	data := append(sum[:], d.flags)
	if len(more) > 0 {
		data[32] |= attested
	}
	data = binary.BigEndian.AppendUint32(data, d.count)
	if d.counts {
		d.count++
	}
	return append(data, more...)
}

// makes answers navigator.credentials.create.
func (d *device) makes(asked string) string {
	d.t.Helper()
	o := d.read(asked)
	if o.RP.ID != d.rpID || o.AuthenticatorSelection.UserVerification != "required" || o.AuthenticatorSelection.ResidentKey != "required" {
		d.t.Errorf("options %s", asked)
	}
	d.handle = o.User.ID
	client := d.clientData("webauthn.create", o.Challenge)
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	cose := append([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 32), point[33:]...)
	credential := append(make([]byte, 16), 0, byte(len(d.id)))
	auth := d.authData(append(append(credential, d.id...), cose...)...)
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData"...)
	object = append(append(object, 0x59, byte(len(auth)>>8), byte(len(auth))), auth...)
	return d.says(map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(object), "transports": []string{"internal"}})
}

// uses answers navigator.credentials.get.
func (d *device) uses(asked string) string {
	d.t.Helper()
	o := d.read(asked)
	client, auth := d.clientData("webauthn.get", o.Challenge), d.authData()
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte(nil), auth...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.says(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(signature), "userHandle": d.handle,
	})
}

func (d *device) says(response map[string]any) string {
	maps.Copy(response, d.answer)
	text, err := json.Marshal(map[string]any{
		"id": b64(d.id), "rawId": b64(d.id), "type": "public-key", "response": response, "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]bool{"rk": true}},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

var (
	challengeOf = regexp.MustCompile(`data-challenge="([^"]*)"`)
	makesOf     = regexp.MustCompile(`data-makes="([^"]*)"`)
)

// challenge asks for what a passkey signs, as the script of the page does.
func (b *browser) challenge(s screen) string {
	b.w.t.Helper()
	found := challengeOf.FindStringSubmatch(s.body)
	if found == nil {
		b.w.t.Fatalf("the page offers no passkey: %d %s", s.status, s.body)
	}
	a := b.ask("POST", html.UnescapeString(found[1]), nil)
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		b.w.t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	return a.body
}

// shows sends what a device says at a page.
func (b *browser) shows(s screen, answer string) screen {
	b.w.t.Helper()
	return b.send(s, "passkey", answer, "answer", "passkey")
}

// adds gives the person who is logged in a passkey on a device.
func (b *browser) adds(d *device, name string) screen {
	b.w.t.Helper()
	s := b.open("/account/passkeys/new")
	found := makesOf.FindStringSubmatch(s.body)
	if found == nil {
		b.w.t.Fatalf("%d %s", s.status, s.body)
	}
	return b.follow(s.path, b.ask("POST", s.path, values("name", name, "passkey", d.makes(html.UnescapeString(found[1])))))
}
