package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Params are what a hash costs: argon2id's parameters of RFC 9106 §3.1.
type Params struct {
	Memory  uint32 // in KiB
	Time    uint32 // passes over the memory
	Threads uint8  // lanes, each of which takes a core
}

// Today is what a new hash costs. One lane leaves the other cores to everybody else; 19 MiB keep a crowd
// at the login page within 96 MB.
var Today = Params{Memory: 19456, Time: 2, Threads: 1}

// What a stored string may demand. The most is more than anybody recommends for a login page and less than
// what would stop the server: the string decides how much is allocated before anything is compared.
const (
	maxMemory  = 64 << 10 // KiB
	maxTime    = 16
	maxWork    = 4 * maxMemory // memory × passes
	maxThreads = 4

	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64

	saltBytes, keyBytes = 16, 32

	maxPHC = 300 // all of the above as text
)

// ErrPHC says that a stored string is not a hash that this package computes.
var ErrPHC = errors.New("password: not a hash of argon2id within bounds")

// A Hash is a hashed password. It does not print itself; PHC is for the store alone.
type Hash struct {
	params Params
	salt   []byte
	key    []byte
}

const (
	algorithm = "argon2id"
	version   = "v=19"
)

// strict refuses unused bits, so that one hash has one spelling.
var strict = base64.RawStdEncoding.Strict()

// PHC returns the hash as the string that the store keeps:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
func (h Hash) PHC() string {
	return fmt.Sprintf("$%s$%s$m=%d,t=%d,p=%d$%s$%s", algorithm, version,
		h.params.Memory, h.params.Time, h.params.Threads, strict.EncodeToString(h.salt), strict.EncodeToString(h.key))
}

// Parse reads a PHC string. It takes the one spelling that PHC writes and no other: the order of the
// parameters, no leading zeros, no optional ones. Every error is an ErrPHC and quotes nothing of the string.
func Parse(phc string) (Hash, error) {
	if len(phc) > maxPHC {
		return Hash{}, fmt.Errorf("%w: longer than %d bytes", ErrPHC, maxPHC)
	}
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" {
		return Hash{}, fmt.Errorf("%w: not of the form $argon2id$v=19$m=…,t=…,p=…$salt$key", ErrPHC)
	}
	if parts[1] != algorithm || parts[2] != version {
		return Hash{}, fmt.Errorf("%w: not argon2id of version 19", ErrPHC)
	}
	params, err := parseParams(parts[3])
	if err != nil {
		return Hash{}, err
	}
	salt, err := parseBytes("salt", parts[4], minSalt, maxSalt)
	if err != nil {
		return Hash{}, err
	}
	key, err := parseBytes("key", parts[5], minKey, maxKey)
	if err != nil {
		return Hash{}, err
	}
	return Hash{params: params, salt: salt, key: key}, nil
}

func parseParams(text string) (Params, error) {
	fields := strings.Split(text, ",")
	if len(fields) != 3 {
		return Params{}, fmt.Errorf("%w: the parameters are not m, t and p", ErrPHC)
	}
	var numbers [3]uint32
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
			return Params{}, fmt.Errorf("%w: the parameters are not m, t and p", ErrPHC)
		}
		numbers[i] = uint32(n)
	}
	if numbers[2] > maxThreads {
		return Params{}, fmt.Errorf("%w: more than %d lanes", ErrPHC, maxThreads)
	}
	p := Params{Memory: numbers[0], Time: numbers[1], Threads: uint8(numbers[2])}
	return p, p.check()
}

// check holds the parameters to the bounds. Memory and passes are checked before they are multiplied.
func (p Params) check() error {
	switch {
	case p.Threads < 1 || p.Threads > maxThreads:
		return fmt.Errorf("%w: want 1 to %d lanes", ErrPHC, maxThreads)
	case p.Time < 1 || p.Time > maxTime:
		return fmt.Errorf("%w: want 1 to %d passes", ErrPHC, maxTime)
	case p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory:
		return fmt.Errorf("%w: want 8 KiB a lane to %d KiB of memory", ErrPHC, maxMemory)
	case p.Memory*p.Time > maxWork:
		return fmt.Errorf("%w: want at most %d KiB × passes", ErrPHC, maxWork)
	}
	return nil
}

func parseBytes(what, text string, least, most int) ([]byte, error) {
	// The decoder skips line ends, which no spelling of ours has.
	b, err := strict.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: the %s is not base64 without padding", ErrPHC, what)
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%w: want a %s of %d to %d bytes", ErrPHC, what, least, most)
	}
	return b, nil
}

// NeedsRehash reports whether the hash costs something else than a new one would, so that the next good
// login should replace it. A dearer hash counts, too: a wrong password would take a time of its own.
func (h Hash) NeedsRehash(params Params) bool {
	return h.params != params || len(h.salt) != saltBytes || len(h.key) != keyBytes
}

const redacted = "[redacted]"

// Format implements fmt.Formatter: no verb shows the hash.
func (Hash) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Hash) LogValue() slog.Value { return slog.StringValue(redacted) }
