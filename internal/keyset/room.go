package keyset

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

const (
	// maxQuestions is how many different questions wait for a fetch at one time, and how many that one has
	// answered in vain are remembered: at most half a megabyte of key ids.
	maxQuestions = 512
	// maxAlike and maxWaiting are how many uses wait with one question, and in all. Those of one key id share
	// a place among the questions, so that a crowd with a key that has just been published finds room beside
	// strangers who invent ids.
	maxAlike   = 1024
	maxWaiting = 4096
)

var errFull = errors.New("too many unknown key ids at once")

// question is what a set is asked: which key a token names, and what for.
type question struct {
	id  string
	alg jws.Algorithm
}

// newQuestion copies what it is given, which is part of a whole token.
func newQuestion(id string, alg jws.Algorithm) question {
	return question{strings.Clone(id), jws.Algorithm(strings.Clone(string(alg)))}
}

// room is where uses wait for a fetch, and what the last one could not answer. The zero value is empty. It
// is guarded by the Set's mutex.
type room struct {
	waiting map[question]int
	total   int
	vain    map[question]struct{}
	as      *generation // which could not answer them
}

// enter gives the question a place. The error says that there is none.
func (r *room) enter(q question) error {
	n := r.waiting[q]
	if r.total >= maxWaiting || n >= maxAlike || n == 0 && len(r.waiting) >= maxQuestions {
		return errFull
	}
	if r.waiting == nil {
		r.waiting = make(map[question]int)
	}
	r.waiting[q]++
	r.total++
	return nil
}

func (r *room) leave(q question) {
	r.total--
	if r.waiting[q]--; r.waiting[q] == 0 {
		delete(r.waiting, q)
	}
}

// questions returns what waits.
func (r *room) questions() []question { return slices.Collect(maps.Keys(r.waiting)) }

// deny remembers that a generation fetched after the question has no answer to it.
func (r *room) deny(q question, g *generation) {
	if r.as != g {
		r.as, r.vain = g, make(map[question]struct{})
	}
	if len(r.vain) < maxQuestions {
		r.vain[q] = struct{}{}
	}
}

// denied reports whether that is remembered. It is for the cool-down alone, when nothing else could be
// learned: a stranger may ask today for the key of tomorrow.
func (r *room) denied(q question, g *generation) bool {
	_, found := r.vain[q]
	return found && r.as == g && time.Since(g.fetched) < coolDown
}
