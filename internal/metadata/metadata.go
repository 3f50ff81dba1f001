// Package metadata finds out where an authorization server's endpoints and keys are, by its published
// metadata: OpenID Connect Discovery 1.0 or RFC 8414.
//
//	source := metadata.New(issuer, metadata.TokenEndpoint, client, false)
//	url, err := source.URL(ctx) // fetched on first use, then kept
//
// A Source looks for one member and is indifferent to all others: what nobody uses can be of any value. A
// document of another issuer, one that cannot be read and one without the member are passed over like one
// that is not there, for there are two places where the right one may be.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/jws"
)

const (
	maxSize = 256 << 10
	// maxAge is how long an answer serves before it is asked for again; endpoints seldom move.
	maxAge = time.Hour
	// retryAfter is how long a failure keeps from asking again while there is an earlier answer.
	retryAfter = 10 * time.Second
	// doubtAfter is the same while the earlier answer leads nowhere.
	doubtAfter = time.Second
	// renewTimeout is how long a use waits for a renewal before it goes on with the earlier answer.
	renewTimeout = 2 * time.Second
	// patience is how long the first place has before the second is asked as well, so that a place that
	// hangs does not take all the time there is.
	patience = time.Second
)

// Member is a member of the metadata whose value is a URL (RFC 8414 §2).
type Member string

// The members that are looked for.
const (
	JWKSURI               Member = "jwks_uri"
	TokenEndpoint         Member = "token_endpoint"
	IntrospectionEndpoint Member = "introspection_endpoint"
)

// ErrAbsent says that a document of the issuer was read and does not have the member.
var ErrAbsent = errors.New("is not there")

// Source finds one member of an issuer's metadata and keeps it. It is safe for concurrent use.
type Source struct {
	issuer       string
	member       Member
	client       *fetch.Client
	insecureHTTP bool

	shared fetch.Shared[string]
	mu     sync.Mutex
	kept   string
	good   time.Time // when kept was fetched; zero: never, or it has led nowhere since
	tried  time.Time // when the last call ended
}

// New returns a Source of the member. It makes no call.
func New(issuer string, member Member, client *fetch.Client, insecureHTTP bool) *Source {
	return &Source{issuer: issuer, member: member, client: client, insecureHTTP: insecureHTTP}
}

// URL returns the member's value. While the issuer does not answer, an earlier answer serves on. Errors name
// what each place has, and wrap ErrAbsent when it is the issuer's metadata without the member.
func (s *Source) URL(ctx context.Context) (string, error) {
	s.mu.Lock()
	kept, good, tried := s.kept, s.good, s.tried
	s.mu.Unlock()
	if kept == "" {
		return s.shared.Do(ctx, s.renew)
	}
	pause := retryAfter
	if good.IsZero() {
		pause = doubtAfter
	}
	if time.Since(good) < maxAge || time.Since(tried) < pause {
		return kept, nil
	}
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	if u, err := s.shared.Do(ctx, s.renew); err == nil {
		return u, nil
	}
	return kept, nil
}

func (s *Source) renew(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetch.Timeout)
	defer cancel()
	u, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = time.Now()
	if err == nil {
		s.kept, s.good = u, s.tried
	}
	return u, err
}

// Doubt says that there was no answer of use at the URL: the next uses ask again whether it is the right one.
func (s *Source) Doubt(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == url {
		s.good = time.Time{}
	}
}

// maxKeySet bounds the answer with an issuer's keys.
const maxKeySet = 1 << 20

// Keys fetches the issuer's key set: from the URL, or, when that is empty, from where the metadata say. When
// there are no keys there, the metadata are asked again before the next fetch. It fetches each time; package
// keyset keeps the keys.
func (s *Source) Keys(ctx context.Context, url string) (jws.KeySet, error) {
	if url != "" {
		return s.keys(ctx, url)
	}
	url, err := s.URL(ctx)
	if errors.Is(err, ErrAbsent) {
		return jws.KeySet{}, fmt.Errorf("%w; configure where its keys are", err)
	}
	if err != nil {
		return jws.KeySet{}, err
	}
	set, err := s.keys(ctx, url)
	if err != nil || len(set.Keys) == 0 {
		s.Doubt(url)
	}
	return set, err
}

func (s *Source) keys(ctx context.Context, url string) (jws.KeySet, error) {
	answer, err := s.client.Get(ctx, url, maxKeySet)
	if err != nil {
		return jws.KeySet{}, err
	}
	if answer.Status != http.StatusOK {
		return jws.KeySet{}, fmt.Errorf("metadata: %s answered %s, expected 200", url, status(answer.Status))
	}
	set, err := jws.ParseKeySet(answer.Body)
	if err != nil {
		return jws.KeySet{}, fmt.Errorf("metadata: %s: %w", url, err)
	}
	return set, nil
}

func status(code int) string {
	if code/100 == 3 {
		return fmt.Sprintf("%d, a redirect, which is not followed", code)
	}
	return fmt.Sprint(code)
}

// places are where the metadata may be. OpenID Connect appends to the issuer, RFC 8414 §3.1 puts its prefix
// before the issuer's path.
func (s *Source) places() ([]string, error) {
	u, err := url.Parse(s.issuer)
	if err != nil {
		return nil, fmt.Errorf("metadata: issuer %.64q is not a URL", s.issuer)
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	return []string{
		origin + path + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + path,
	}, nil
}

// found is what one place has.
type found struct {
	place int
	url   string
	err   error
}

// fetch asks the places one after the other, the next when one has failed or takes long, until one of them
// has the member.
func (s *Source) fetch(ctx context.Context) (string, error) {
	places, err := s.places()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan found, len(places))
	asked, failures := 0, make([]error, len(places))
	ask := func() {
		if asked < len(places) {
			i := asked
			asked++
			go func() {
				u, err := s.at(ctx, places[i])
				answers <- found{i, u, err}
			}()
		}
	}
	ask()
	slow := time.NewTimer(patience)
	defer slow.Stop()
	for answered := 0; answered < len(places); {
		select {
		case f := <-answers:
			if f.err == nil {
				return f.url, nil
			}
			failures[f.place] = f.err
			answered++
			ask()
		case <-slow.C:
			ask()
		}
	}
	return "", fmt.Errorf("%w; %w", failures[0], failures[1])
}

// at returns the member that the document at a place has.
func (s *Source) at(ctx context.Context, place string) (string, error) {
	answer, err := s.client.Get(ctx, place, maxSize)
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", fmt.Errorf("metadata: %s answered %s", place, status(answer.Status))
	}
	u, err := s.parse(answer.Body)
	if err != nil {
		return "", fmt.Errorf("metadata: %s: %w", place, err)
	}
	return u, nil
}

func (s *Source) parse(text string) (string, error) {
	members := map[string][]string{}
	err := claims.Members(text, func(name, value string) {
		if name == "issuer" || name == string(s.member) {
			members[name] = append(members[name], value)
		}
	})
	if err != nil {
		return "", err
	}
	// RFC 8414 §3.3: or else the document of one issuer could speak for another.
	issuer, err := one("issuer", members["issuer"])
	if err != nil {
		return "", err
	}
	if issuer != s.issuer {
		return "", fmt.Errorf("issuer is %.128q, configured is %q; they must be equal to the byte, final slash included", issuer, s.issuer)
	}
	u, err := one(string(s.member), members[string(s.member)])
	if err == nil && u == "" {
		err = fmt.Errorf("member %s %w", s.member, ErrAbsent)
	}
	if err == nil {
		err = s.check(u)
	}
	if err != nil {
		return "", err
	}
	return u, nil
}

// one returns the text of a member that is there at most once; empty when it is absent, for which null stands.
func one(name string, values []string) (string, error) {
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("member %s is there twice", name)
	case len(values) == 0 || values[0] == "null":
		return "", nil
	}
	value, err := claims.ParseValue(values[0])
	if err != nil {
		return "", fmt.Errorf("member %s: %w", name, err)
	}
	text, ok := value.Text()
	if !ok {
		return "", fmt.Errorf("member %s is not a string", name)
	}
	return text, nil
}

// check holds the member to the issuer's own transport: a jwks_uri over http would hand the keys of an https
// issuer to everybody on the way.
func (s *Source) check(u string) error {
	if err := fetch.CheckURL(u, s.insecureHTTP); err != nil {
		return fmt.Errorf("member %s: %w", s.member, err)
	}
	if strings.HasPrefix(s.issuer, "https:") && !strings.HasPrefix(u, "https:") {
		return fmt.Errorf("member %s is not https, but the issuer is", s.member)
	}
	return nil
}
