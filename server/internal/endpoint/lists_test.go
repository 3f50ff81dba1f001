package endpoint

import (
	"net/url"
	"slices"
	"testing"
)

// Check boxes come once for each that is ticked; nothing else comes twice.
func TestListsMayComeMoreThanOnce(t *testing.T) {
	form := url.Values{"right": {"b", "", "a"}, "name": {"x"}}
	params, err := collect(form, []string{"right", "name"}, "right")
	if err != nil || !slices.Equal(params.Values("right"), []string{"b", "a"}) {
		t.Errorf("%q, %v", params, err)
	}
	form.Add("name", "y")
	if _, err := collect(form, []string{"right", "name"}, "right"); err == nil {
		t.Error("a name came twice, and was taken")
	}
	if _, err := collect(url.Values{"right": {"b", "a"}}, []string{"right"}); err == nil {
		t.Error("what is no list came twice, and was taken")
	}
}
