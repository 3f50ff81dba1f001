package postern_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
)

// pages returns the text of each page in docs/reasons by the reason it is about.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("docs/reasons/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimSuffix(filepath.Base(file), ".md")] = string(text)
	}
	return pages
}

func TestEveryReasonHasAPage(t *testing.T) {
	pages := pages(t)
	index := pages["README"]
	delete(pages, "README")
	var names []string
	for name, text := range pages {
		names = append(names, name)
		if !strings.HasPrefix(text, "# "+name+"\n") {
			t.Errorf("docs/reasons/%s.md does not begin with its reason", name)
		}
		if strings.Count(index, "["+name+"]("+name+".md)") != 1 {
			t.Errorf("docs/reasons/README.md does not link to %s once", name)
		}
	}
	reasons := postern.Reasons()
	slices.Sort(names)
	slices.Sort(reasons)
	if diff := cmp.Diff(reasons, names); diff != "" {
		t.Errorf("pages in docs/reasons (-reasons +pages):\n%s", diff)
	}
}

func TestPagesSayWhatTheGuardAnswers(t *testing.T) {
	pages := pages(t)
	guard := &postern.Guard{InsecureExplain: true}
	seen := 0
	for name, err := range map[string]error{
		"ErrNoToken": postern.ErrNoToken, "ErrRequest": postern.ErrRequest, "ErrMalformed": postern.ErrMalformed,
		"ErrSignature": postern.ErrSignature, "ErrExpired": postern.ErrExpired, "ErrNotYetValid": postern.ErrNotYetValid,
		"ErrIssuer": postern.ErrIssuer, "ErrAudience": postern.ErrAudience, "ErrInactive": postern.ErrInactive,
		"ErrInsufficient": postern.ErrInsufficient, "ErrStepUp": postern.ErrStepUp, "ErrProof": postern.ErrProof,
		"ErrNonce": postern.ErrNonce, "ErrUnavailable": postern.ErrUnavailable, "ErrBinding": postern.ErrBinding,
		"ErrNotMine": postern.ErrNotMine, "ErrUnknownKey": postern.ErrUnknownKey, "ErrUnbound": postern.ErrUnbound,
		"ErrAlgorithm": postern.ErrAlgorithm,
	} {
		var answer struct {
			Status                int
			Reason, Detail, Error string
		}
		if err := json.Unmarshal(guard.Refusal(err).Body, &answer); err != nil {
			t.Fatal(err)
		}
		code := "no error code"
		if answer.Error != "" {
			code = "`" + answer.Error + "`"
		}
		want := fmt.Sprintf("# %s\n\nStatus `%d` · %s · `postern.%s`\n\n> %s\n", answer.Reason, answer.Status, code, name, answer.Detail)
		if !strings.HasPrefix(pages[answer.Reason], want) {
			t.Errorf("docs/reasons/%s.md does not begin with:\n%s", answer.Reason, want)
		}
		if row := fmt.Sprintf("(%s.md) | %d |", answer.Reason, answer.Status); !strings.Contains(pages["README"], row) {
			t.Errorf("docs/reasons/README.md has no row with %q", row)
		}
		seen++
	}
	if seen != len(postern.Reasons()) {
		t.Errorf("%d reasons tried, want %d", seen, len(postern.Reasons()))
	}
}
