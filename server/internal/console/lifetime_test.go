package console

import (
	"testing"
	"time"
)

func TestLifetimesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "90 min": 90 * time.Minute, "90min": 90 * time.Minute, " 24  h ": 24 * time.Hour, "30 d": 720 * time.Hour, "100000 d": 100_000 * 24 * time.Hour, "1 s": time.Second,
	} {
		if got, ok := parseLifetime(text); !ok || got != want {
			t.Errorf("%q is %s, %t, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"90", "h", "0 h", "-1 h", "1.5 h", "1 m", "1 H", "1 h 30 min", "99999999 d", "100001 s", "99999999999 s", "1 y", "٣ h", "1\x00h", "+1 h", "1e3 s"} {
		if got, ok := parseLifetime(text); ok {
			t.Errorf("%q is %s, want no lifetime", text, got)
		}
	}
}

func FuzzParseLifetime(f *testing.F) {
	for _, text := range []string{"", "90 min", "30d", "99999999 d", "1 h h", "-1 s", "1 Ω"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseLifetime(text)
		if !ok && got != 0 || got < 0 {
			t.Fatalf("%q is %s, %t", text, got, ok)
		}
		if again, ok2 := parseLifetime(writeLifetime(got)); ok && (!ok2 || again != got) {
			t.Fatalf("%q is written %q and read %s", text, writeLifetime(got), again)
		}
	})
}
