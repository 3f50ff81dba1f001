package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/postern-auth/postern/server/internal/seal"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, seal.KeyBytes) }

func keys(t *testing.T, list ...[]byte) *seal.Keys {
	t.Helper()
	k, err := seal.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensForItsPurposeAndOwnerAlone(t *testing.T) {
	k := keys(t, key(1))
	for _, plain := range [][]byte{[]byte("twenty bytes of these"), {0}, {}} {
		sealed := k.Seal("totp", "mia", plain)
		if len(plain) > 1 && bytes.Contains(sealed, plain) {
			t.Error("it is there for all to read")
		}
		if bytes.Equal(sealed, k.Seal("totp", "mia", plain)) {
			t.Error("the same text is sealed alike twice")
		}
		if got, err := k.Open("totp", "mia", sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%q, %v", got, err)
		}
		for _, other := range [][2]string{{"totp", "noah"}, {"totp", ""}, {"totp", "mia "}, {"other", "mia"}, {"", "mia"}, {"totpm", "ia"}} {
			if got, err := k.Open(other[0], other[1], sealed); !errors.Is(err, seal.ErrForged) || got != nil {
				t.Errorf("%v: %q, %v", other, got, err)
			}
		}
	}
}

func TestNoBitOfWhatIsSealedCanBeChanged(t *testing.T) {
	k := keys(t, key(1))
	sealed := k.Seal("totp", "mia", []byte("secret"))
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			if got, err := k.Open("totp", "mia", bad); err == nil || got != nil {
				t.Errorf("byte %d bit %d: %q", i, bit, got)
			}
		}
		if got, err := k.Open("totp", "mia", sealed[:i]); err == nil || got != nil {
			t.Errorf("the first %d bytes: %q", i, got)
		}
	}
	if _, err := k.Open("totp", "mia", append(bytes.Clone(sealed), 0)); !errors.Is(err, seal.ErrForged) {
		t.Error(err)
	}
}

func TestTheFirstKeySealsAndAllOpen(t *testing.T) {
	former := keys(t, key(1)).Seal("totp", "mia", []byte("old"))
	both := keys(t, key(2), key(1))
	if got, err := both.Open("totp", "mia", former); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	next := both.Seal("totp", "mia", []byte("new"))
	if got, err := keys(t, key(2)).Open("totp", "mia", next); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	for _, without := range []*seal.Keys{keys(t, key(1)), keys(t), nil} {
		_, err := without.Open("totp", "mia", next)
		if !errors.Is(err, seal.ErrNoKey) || !strings.Contains(err.Error(), fmt.Sprintf("%x", next[1:9])) {
			t.Errorf("%v does not name the key", err)
		}
	}
}

func TestAMarkIsOfItsValuesPurposeAndKey(t *testing.T) {
	k := keys(t, key(1))
	mark := k.Mark("known", "mia", "7")
	if !k.Marked(mark, "known", "mia", "7") || !keys(t, key(2), key(1)).Marked(mark, "known", "mia", "7") {
		t.Error("a mark is not known again")
	}
	for name, ok := range map[string]bool{
		"other value":   k.Marked(mark, "known", "noah", "7"),
		"joined":        k.Marked(mark, "known", "mia7"),
		"moved":         k.Marked(mark, "known", "mia7", ""),
		"more":          k.Marked(mark, "known", "mia", "7", ""),
		"other purpose": k.Marked(mark, "other", "mia", "7"),
		"other key":     keys(t, key(2)).Marked(mark, "known", "mia", "7"),
		"shorter":       k.Marked(mark[:31], "known", "mia", "7"),
		"nothing":       k.Marked(nil, "known", "mia", "7"),
		"no keys":       keys(t).Marked(mark, "known", "mia", "7"),
		"nil keys":      (*seal.Keys)(nil).Marked(mark, "known", "mia", "7"),
	} {
		if ok {
			t.Errorf("%s: is taken for marked", name)
		}
	}
}

func TestBadKeysAreRefusedAndNotShown(t *testing.T) {
	for want, list := range map[string][][]byte{
		"key 1 has 31 bytes":   {key(7)[:31]},
		"key 2 has 0 bytes":    {key(7), nil},
		"key 1 is all zero":    {make([]byte, seal.KeyBytes)},
		"key 3 is there twice": {key(7), key(8), key(7)},
	} {
		k, err := seal.New(list...)
		if err == nil || !strings.Contains(err.Error(), want) || k != nil {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if keys(t).Any() || (*seal.Keys)(nil).Any() || !keys(t, key(1)).Any() {
		t.Error("whether there is a key")
	}
}

func TestKeysDoNotPrintThemselves(t *testing.T) {
	k := keys(t, []byte("KEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKE"))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "keys", k)
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x", k, k, k), log.String()} {
		if strings.Contains(text, "KEY") || strings.Contains(text, "4b4559") || !strings.Contains(text, "redacted") {
			t.Error(text)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k, err := seal.New(key(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(k.Seal("totp", "mia", []byte("seed")))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := k.Open("totp", "mia", sealed)
		if err == nil && string(plain) != "seed" {
			t.Errorf("opened %x", sealed)
		}
	})
}
