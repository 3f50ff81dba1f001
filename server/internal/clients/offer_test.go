package clients

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBasicHasOneReadingUnlessEncodingMatters(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, row := range []struct {
		name, header string
		want         []password
	}{
		{"plain", "Basic " + encode("a:b"), []password{{"a", "b"}}},
		{"colons in the secret", "Basic " + encode("a:b:c"), []password{{"a", "b:c"}}},
		{"a plus has two readings", "Basic " + encode("a:b+c"), []password{{"a", "b c"}, {"a", "b+c"}}},
		{"an escape has two readings", "Basic " + encode("a%40b:c"), []password{{"a@b", "c"}, {"a%40b", "c"}}},
		{"a percent sign that is not an escape has one", "Basic " + encode("a:100%"), []password{{"a", "100%"}}},
		{"an encoded colon is part of the id", "Basic " + encode("a%3Ab:c"), []password{{"a:b", "c"}, {"a%3Ab", "c"}}},
		{"spaces behind the scheme", "BASIC   " + encode("a:b"), []password{{"a", "b"}}},
		{"no id", "Basic " + encode(":b"), nil},
		{"no colon", "Basic " + encode("ab"), nil},
		{"not UTF-8", "Basic " + encode("a:\xff"), nil},
		{"base64 of URLs", "Basic YT8_Og==", nil},
		{"no scheme", encode("a:b"), nil},
		{"another scheme", "Bearer " + encode("a:b"), nil},
		{"nothing", "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, basic(row.header), cmp.AllowUnexported(password{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzBasic holds that no header has a reading without an id, and none more than two.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{"Basic YTpi", "basic YSU0MDpi", "Basic", "Basic =", "Bearer x", "Basic YTpi, Basic YTpi", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		readings := basic(header)
		if len(readings) > 2 {
			t.Errorf("%d readings", len(readings))
		}
		for _, r := range readings {
			if r.id == "" {
				t.Error("a reading without id")
			}
		}
	})
}
