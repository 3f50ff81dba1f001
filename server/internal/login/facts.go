package login

import (
	"encoding/json"
	"fmt"

	"github.com/postern-auth/postern/server/internal/authorize"
)

// facts are what a person did in a request, and the session that they did it in.
type facts struct {
	authorize.Facts
	Session string // its ID; empty: nobody was logged in
}

// text returns the facts as they are kept.
func (f facts) text() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic("login: facts: " + err.Error()) // they are built of our own plain types
	}
	return string(text)
}

// readFacts returns the facts of a row, without those of a session that is not the browser's any more.
func readFacts(text, session string) (facts, error) {
	var f facts
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return facts{}, fmt.Errorf("login: facts: %w", err)
	}
	if f.Session != session {
		return facts{}, nil
	}
	return f, nil
}
