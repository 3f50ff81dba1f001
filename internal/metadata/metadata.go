// Package metadata finds out where an authorization server's endpoints and keys are, by its published
// metadata: OpenID Connect Discovery 1.0 or RFC 8414.
//
//	source := metadata.New(issuer, client, false)
//	document, err := source.Document(ctx) // fetched on first use, then kept
//	…
//	keys, err := source.Keys(ctx, "")     // fetched each time; package keyset keeps them
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
	// maxAge is how long a document serves before it is asked for again; endpoints seldom move.
	maxAge = time.Hour
	// retryAfter is how long a failure keeps a kept document from being asked for again.
	retryAfter = 10 * time.Second
)

// Document holds the endpoints of an authorization server (RFC 8414 §2). Empty means not published.
type Document struct {
	Issuer                string // issuer
	JWKSURI               string // jwks_uri
	TokenEndpoint         string // token_endpoint
	IntrospectionEndpoint string // introspection_endpoint
	RevocationEndpoint    string // revocation_endpoint
}

// Source fetches the Document of one issuer and keeps it. It is safe for concurrent use.
type Source struct {
	issuer       string
	client       *fetch.Client
	insecureHTTP bool

	shared fetch.Shared[Document]
	mu     sync.Mutex
	kept   Document
	good   time.Time // when kept was fetched
	tried  time.Time // when the last call ended
}

// New returns a Source. It makes no call.
func New(issuer string, client *fetch.Client, insecureHTTP bool) *Source {
	return &Source{issuer: issuer, client: client, insecureHTTP: insecureHTTP}
}

// Document returns the issuer's metadata. While the issuer does not answer, an earlier answer serves on.
func (s *Source) Document(ctx context.Context) (Document, error) {
	s.mu.Lock()
	kept, good, tried := s.kept, s.good, s.tried
	s.mu.Unlock()
	if !good.IsZero() && (time.Since(good) < maxAge || time.Since(tried) < retryAfter) {
		return kept, nil
	}
	document, err := s.shared.Do(ctx, s.renew)
	if err != nil && !good.IsZero() {
		return kept, nil
	}
	return document, err
}

func (s *Source) renew(ctx context.Context) (Document, error) {
	document, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = time.Now()
	if err == nil {
		s.kept, s.good = document, s.tried
	}
	return document, err
}

// maxKeySet bounds the answer with an issuer's keys.
const maxKeySet = 1 << 20

// Keys fetches the issuer's key set: from the URL, or, when that is empty, from where the metadata says.
func (s *Source) Keys(ctx context.Context, url string) (jws.KeySet, error) {
	if url == "" {
		document, err := s.Document(ctx)
		if err != nil {
			return jws.KeySet{}, err
		}
		if url = document.JWKSURI; url == "" {
			return jws.KeySet{}, fmt.Errorf("metadata: that of %s has no jwks_uri; configure where its keys are", s.issuer)
		}
	}
	answer, err := s.client.Get(ctx, url, maxKeySet)
	if err != nil {
		return jws.KeySet{}, err
	}
	if answer.Status != http.StatusOK {
		return jws.KeySet{}, fmt.Errorf("metadata: %s answered %d, expected 200", url, answer.Status)
	}
	return jws.ParseKeySet(answer.Body)
}

// fetch tries both well-known places. OpenID Connect appends to the issuer, RFC 8414 §3.1 puts its
// prefix before the issuer's path.
func (s *Source) fetch(ctx context.Context) (Document, error) {
	u, err := url.Parse(s.issuer)
	if err != nil {
		return Document{}, fmt.Errorf("metadata: issuer %.64q is not a URL", s.issuer)
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	var failures error
	for _, place := range []string{
		origin + path + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + path,
	} {
		answer, err := s.client.Get(ctx, place, maxSize)
		if err == nil && answer.Status != 200 {
			err = fmt.Errorf("metadata: %s answered %d", place, answer.Status)
		}
		if err == nil {
			return s.parse(place, answer.Body)
		}
		failures = errors.Join(failures, err)
	}
	return Document{}, failures
}

func (s *Source) parse(place, text string) (Document, error) {
	var set claims.Object
	if err := set.Parse(text); err != nil {
		return Document{}, fmt.Errorf("metadata: %s: %w", place, err)
	}
	d, fields := Document{}, map[string]*string{}
	fields["issuer"], fields["jwks_uri"], fields["token_endpoint"] = &d.Issuer, &d.JWKSURI, &d.TokenEndpoint
	fields["introspection_endpoint"], fields["revocation_endpoint"] = &d.IntrospectionEndpoint, &d.RevocationEndpoint
	for name, value := range set.All() {
		field := fields[name]
		if field == nil {
			continue
		}
		text, ok := value.Text()
		if !ok {
			return Document{}, fmt.Errorf("metadata: %s: member %s is not a string", place, name)
		}
		*field = text
	}
	// RFC 8414 §3.3: or else the document of one issuer could speak for another.
	if d.Issuer != s.issuer {
		return Document{}, fmt.Errorf("metadata: %s: issuer is %.128q, configured is %q; they must be equal to the byte, final slash included", place, d.Issuer, s.issuer)
	}
	if err := s.check(place, fields); err != nil {
		return Document{}, err
	}
	return d, nil
}

// check holds the endpoints to the issuer's own transport: a jwks_uri over http would hand the keys of an
// https issuer to everybody on the way.
func (s *Source) check(place string, fields map[string]*string) error {
	secure := strings.HasPrefix(s.issuer, "https:")
	for name, field := range fields {
		if *field == "" || name == "issuer" {
			continue
		}
		if err := fetch.CheckURL(*field, s.insecureHTTP); err != nil {
			return fmt.Errorf("metadata: %s: member %s: %w", place, name, err)
		}
		if secure && !strings.HasPrefix(*field, "https:") {
			return fmt.Errorf("metadata: %s: member %s is not https, but the issuer is", place, name)
		}
	}
	return nil
}
