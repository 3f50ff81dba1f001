package facts_test

import (
	"slices"
	"testing"

	"github.com/postern-auth/postern/internal/facts"
)

func TestAudiencesThatAConfigAccepts(t *testing.T) {
	for _, test := range []struct {
		name      string
		audiences facts.Audiences
		want      []string
		err       string // empty: accepted
	}{
		{"one", facts.Audiences{One: "a"}, []string{"a"}, ""},
		{"one and more", facts.Audiences{One: "a", More: []string{"b", "c"}}, []string{"b", "c", "a"}, ""},
		{"more alone", facts.Audiences{More: []string{"b"}}, []string{"b"}, ""},
		{"none, on purpose", facts.Audiences{None: true}, nil, ""},
		{"none, where they are optional", facts.Audiences{Optional: true}, nil, ""},
		{"one, where they are optional", facts.Audiences{One: "a", Optional: true}, []string{"a"}, ""},
		{"none", facts.Audiences{}, nil, "Config.Audience is empty: set the identifier that tokens for this API carry in aud"},
		{"one and none", facts.Audiences{One: "a", None: true}, nil, "Config has an audience and InsecureNoAudience"},
		{"an empty one among more", facts.Audiences{More: []string{"a", ""}}, nil, "Config.Audiences holds an empty string"},
		{"one with a space", facts.Audiences{One: "a "}, nil, `Config.Audience: "a " begins or ends with a space`},
		{"a space among more", facts.Audiences{More: []string{"a", "b "}}, nil, `Config.Audiences[1]: "b " begins or ends with a space`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.audiences.Accepted()
			text := ""
			if err != nil {
				text = err.Error()
			}
			if !slices.Equal(got, test.want) || text != test.err {
				t.Errorf("%q, %q; want %q, %q", got, text, test.want, test.err)
			}
		})
	}
}
