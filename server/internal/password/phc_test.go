package password

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

const good = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func TestAHashIsReadAsItWasWritten(t *testing.T) {
	hash, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if hash.PHC() != good {
		t.Errorf("got %s, want %s", hash.PHC(), good)
	}
	if hash.params != Today {
		t.Errorf("parameters %v, want %v", hash.params, Today)
	}
}

// The reference implementation of argon2 prints this for `echo -n "password" | argon2 somesalt -id -t 2 -k 65536 -p 1`.
func TestTheHashIsThatOfTheReferenceImplementation(t *testing.T) {
	key := argon2.IDKey([]byte("password"), []byte("somesalt"), 2, 65536, 1, 32)
	if got, want := hex.EncodeToString(key), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStoredStringsThatAreRefused(t *testing.T) {
	replaced := func(old, new string) string {
		if strings.Count(good, old) != 1 {
			t.Fatalf("%q is in the good hash %d times", old, strings.Count(good, old))
		}
		return strings.Replace(good, old, new, 1)
	}
	const salt, key = "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	for name, phc := range map[string]string{
		"nothing":                                  "",
		"no hash but a word":                       "password",
		"another algorithm":                        replaced("argon2id", "argon2i"),
		"an algorithm in capitals":                 replaced("argon2id", "ARGON2ID"),
		"bcrypt":                                   "$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewdBPj4J/8Kz8KzK",
		"another version":                          replaced("v=19", "v=16"),
		"no version":                               replaced("$v=19", ""),
		"four gigabytes":                           replaced("m=19456", "m=4194304"),
		"one KiB above the most":                   replaced("m=19456", "m=65537"),
		"memory of 32 bits and one":                replaced("m=19456", "m=4294967297"),
		"memory of 65 bits":                        replaced("m=19456", "m=36893488147419103232"),
		"memory that is negative":                  replaced("m=19456", "m=-1"),
		"memory with a sign":                       replaced("m=19456", "m=+19456"),
		"memory with a leading zero":               replaced("m=19456", "m=019456"),
		"memory in hexadecimal":                    replaced("m=19456", "m=0x4c00"),
		"memory with a separator":                  replaced("m=19456", "m=19_456"),
		"no memory":                                replaced("m=19456", "m=0"),
		"memory below one lane's":                  replaced("m=19456", "m=7"),
		"no passes":                                replaced("t=2", "t=0"),
		"a million passes":                         replaced("t=2", "t=1000000"),
		"memory and passes within bounds but dear": replaced("m=19456,t=2", "m=65536,t=5"),
		"no lanes":                                 replaced("p=1", "p=0"),
		"five lanes":                               replaced("p=1", "p=5"),
		"257 lanes, which are 1 in a byte":         replaced("p=1", "p=257"),
		"parameters in another order":              replaced("m=19456,t=2", "t=2,m=19456"),
		"a parameter twice":                        replaced("t=2", "t=2,t=2"),
		"a parameter that nobody asked for":        replaced("p=1", "p=1,keyid=AA"),
		"a space":                                  replaced("p=1", "p=1 "),
		"a salt with padding":                      replaced(salt, salt+"=="),
		"a salt of 7 bytes":                        replaced(salt, "AAECAwQFBg"),
		"a salt of 65 bytes":                       replaced("$"+salt+"$", "$"+strings.Repeat("A", 87)+"$"),
		"a salt with unused bits":                  replaced(salt, salt[:21]+"x"),
		"a salt with a line end":                   replaced(salt, salt[:4]+"\n"+salt[4:]),
		"a salt in the URL's alphabet":             replaced(salt, "-_"+salt[2:]),
		"no salt":                                  replaced(salt, ""),
		"no key":                                   replaced(key, ""),
		"a key of 15 bytes":                        replaced(key, "AAECAwQFBgcICQoLDA0O"),
		"a key with a line end behind":             good + "\r\n",
		"a seventh part":                           good + "$",
		"something before":                         " " + good,
		"a megabyte":                               good + strings.Repeat("A", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(phc)
			if !errors.Is(err, ErrPHC) {
				t.Fatalf("got %v, want ErrPHC", err)
			}
			for _, part := range []string{salt, key} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error shows what is stored: %v", err)
				}
			}
		})
	}
}

func TestAHashOfOtherParametersIsReplaced(t *testing.T) {
	for _, row := range []struct {
		name, phc string
		want      bool
	}{
		{"today's", good, false},
		{"less memory", strings.Replace(good, "19456", "9216", 1), true},
		{"more memory", strings.Replace(good, "19456", "65536", 1), true},
		{"fewer passes", strings.Replace(good, "t=2", "t=1", 1), true},
		{"more lanes", strings.Replace(good, "p=1", "p=2", 1), true},
		{"a shorter salt", strings.Replace(good, "AAECAwQFBgcICQoLDA0ODw$", "AAECAwQFBgc$", 1), true},
		{"a shorter key", good[:len(good)-21] + "w", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			hash, err := Parse(row.phc)
			if err != nil {
				t.Fatal(err)
			}
			if got := hash.NeedsRehash(Today); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	hash, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	typed, err := Typed("planted-secret-of-a-person")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "hash", hash, "password", typed, "both", []any{hash, typed}, "pointers", []any{&hash, &typed})
	text := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text += fmt.Sprintf(verb, hash) + fmt.Sprintf(verb, typed) + fmt.Sprintf(verb, &typed) + fmt.Sprintf(verb, struct{ P Password }{typed})
	}
	for _, secret := range []string{"planted", "706c616e746564", "AAECAwQFBgcICQoLDA0ODw", "[0 1 2 3"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown in %s", secret, text)
		}
	}
}

// Whatever can be read has one spelling and is within bounds, so that comparing with it is.
func FuzzPHC(f *testing.F) {
	f.Add(good)
	f.Add("$argon2id$v=19$m=65536,t=4,p=4$AAECAwQFBgc$AAECAwQFBgcICQoLDA0ODw")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Fuzz(func(t *testing.T, phc string) {
		hash, err := Parse(phc)
		if err != nil {
			if !errors.Is(err, ErrPHC) {
				t.Fatalf("%v is not an ErrPHC", err)
			}
			return
		}
		if hash.PHC() != phc {
			t.Fatalf("%q is read as %q", phc, hash.PHC())
		}
		p := hash.params
		if uint64(p.Memory)*uint64(p.Time) > maxWork || p.Memory > maxMemory || p.Threads < 1 || p.Threads > maxThreads || p.Time < 1 {
			t.Fatalf("%q costs %v", phc, p)
		}
	})
}
