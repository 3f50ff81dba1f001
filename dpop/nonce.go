package dpop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// nonceStep is how long one nonce is handed out. It is accepted for one step more.
const nonceStep = 5 * time.Minute

// nonces makes the nonces of RFC 9449 §9 out of the time and a secret, so that nothing need be stored and
// replicas with the same secret accept each other's. It is safe for concurrent use.
type nonces struct {
	key  []byte
	last atomic.Pointer[epoch]
}

// epoch holds the nonces around one step of time: the one before, its own, and the one after, which a
// replica whose clock is ahead hands out already.
type epoch struct {
	step   int64
	values [3]string
}

func newNonces(key []byte) *nonces {
	if len(key) == 0 {
		key = make([]byte, minNonceKey)
		rand.Read(key) // never fails
	}
	return &nonces{key: append([]byte(nil), key...)}
}

func (n *nonces) at(now time.Time) *epoch {
	step := now.Unix() / int64(nonceStep/time.Second)
	if e := n.last.Load(); e != nil && e.step == step {
		return e
	}
	e := &epoch{step: step}
	for i := range e.values {
		e.values[i] = n.nonce(step - 1 + int64(i))
	}
	n.last.Store(e)
	return e
}

func (n *nonces) nonce(step int64) string {
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte("postern dpop nonce\x00"))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (e *epoch) current() string { return e.values[1] }

func (e *epoch) accepts(nonce string) bool {
	found := 0
	for _, value := range e.values {
		found |= subtle.ConstantTimeCompare([]byte(value), []byte(nonce))
	}
	return found == 1
}
