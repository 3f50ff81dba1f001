// Package clientdocument knows clients whose client id is the URL of a document in which they describe themselves
// (draft-ietf-oauth-client-id-metadata-document):
//
//	client, err := documents.Find(ctx, "https://notes.example.com/client.json")
//	var unusable *clientdocument.Unusable
//	if errors.As(err, &unusable) {
//		// it is not as it should be, or cannot be had: unusable.Text says what the developer has to change
//	}
//
// Anybody may write such a URL into a request. So it is called under the policy for strangers of package fetch; how
// often, in all and at one host, is bounded; and what it answers is kept, within bounds, for as long as its header says.
// That a document could not be had is kept too, for a moment.
//
// What is known of a client is in memory. It becomes rows with the first code that it gets, in the transaction of that
// code: see Client.Keep.
package clientdocument

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/server/internal/clientmetadata"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

const (
	// MaxURL bounds a client id in bytes, as that of every other client.
	MaxURL = 256
	// maxDocument bounds a document in bytes.
	maxDocument = 5 << 10
	// unused is how long an application stays in the store that no person has let in.
	unused = 24 * time.Hour
)

// Client is one that a document describes.
type Client struct {
	Application store.Application
	Keys        string // as Registration.Keys
	Host        string // of the document
}

// IsURL reports whether a client id is one of the clients of this package. No operator can give an application such a
// one.
func IsURL(clientID string) bool { return strings.HasPrefix(clientID, "https://") }

// Unusable is a document that says of no client how it is, for the developer of the client. The text is ASCII without
// quotes, and says nothing of what is in the server's network.
type Unusable struct {
	Text string
	Err  error // for the log alone; may be nil
}

func (u *Unusable) Error() string {
	if u.Err != nil {
		return fmt.Sprintf("clientdocument: %s: %v", u.Text, u.Err)
	}
	return "clientdocument: " + u.Text
}

// Unwrap returns the cause.
func (u *Unusable) Unwrap() error { return u.Err }

// ErrBusy says that too many documents are asked for at this moment. It says nothing of the document.
var ErrBusy = errors.New("clientdocument: too many documents are being fetched")

// Config is what Documents work with. Every field is required.
type Config struct {
	Fetch  *fetch.Client // under the policy for strangers
	Now    func() time.Time
	Logger *slog.Logger
}

// Documents finds clients by their documents. It is safe for concurrent use.
type Documents struct {
	Config
	mu      sync.Mutex
	kept    kept
	budget  budget
	flights map[string]*fetch.Shared[Client]
}

// New returns Documents. It makes no call.
func New(config Config) *Documents {
	return &Documents{Config: config, kept: kept{entries: make(map[string]entry)}, flights: make(map[string]*fetch.Shared[Client])}
}

// Find returns the client whose client id is the URL. Errors: *Unusable; ErrBusy; those of ctx.
func (d *Documents) Find(ctx context.Context, clientID string) (Client, error) {
	host, err := check(clientID)
	if err != nil {
		return Client{}, err
	}
	d.mu.Lock()
	now := d.Now()
	if e, ok := d.kept.at(clientID, now); ok {
		d.mu.Unlock()
		return e.client, e.err
	}
	flight := d.flights[clientID]
	if flight == nil {
		if !d.budget.take(host, now) {
			d.mu.Unlock()
			return Client{}, ErrBusy
		}
		flight = new(fetch.Shared[Client])
		d.flights[clientID] = flight
	}
	d.mu.Unlock()
	return flight.Do(ctx, func(ctx context.Context) (Client, error) { return d.land(ctx, clientID) })
}

// land fetches a document and keeps what came of it, unless another landed while the caller was on its way.
func (d *Documents) land(ctx context.Context, clientID string) (Client, error) {
	d.mu.Lock()
	e, ok := d.kept.at(clientID, d.Now())
	d.mu.Unlock()
	if ok {
		return e.client, e.err
	}
	client, lifetime, err := d.fetch(ctx, clientID)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.flights, clientID)
	if errors.Is(err, ErrBusy) {
		return Client{}, err
	}
	if err != nil {
		d.Logger.InfoContext(ctx, "client document refused", "client_id", clientID, "reason", err.Error())
	}
	d.kept.add(clientID, entry{client, err, d.Now(), lifetime})
	return client, err
}

// check admits a URL in the one spelling that every parser reads alike, and returns its host.
func check(clientID string) (host string, err error) {
	refuse := func(text string) (string, error) { return "", &Unusable{Text: text} }
	if len(clientID) > MaxURL {
		return refuse(fmt.Sprintf("a client_id is at most %d bytes long", MaxURL))
	}
	u, err := url.Parse(clientID)
	switch {
	case err != nil || !IsURL(clientID) || redirect.Check(clientID) != nil:
		return refuse("a client_id that is a URL is one of https with a host in lower case, without user name, fragment, or segments of dots")
	case u.Path == "" || u.Path == "/":
		return refuse("a client_id that is a URL has a path, at which the document is")
	case strings.Contains(clientID, "?"):
		return refuse("a client_id that is a URL has no query")
	}
	return u.Hostname(), nil
}

func (d *Documents) fetch(ctx context.Context, clientID string) (Client, time.Duration, error) {
	answer, err := d.Fetch.Get(ctx, clientID, maxDocument)
	switch {
	case errors.Is(err, fetch.ErrBusy):
		return Client{}, 0, ErrBusy
	case err != nil:
		// Which of the many reasons it is would tell a stranger what is in the server's network.
		return Client{}, failure, &Unusable{Text: fmt.Sprintf("the document of this client_id cannot be fetched; it has to be there for everybody, within %s and %d bytes", fetch.Timeout, maxDocument), Err: err}
	case answer.Status != http.StatusOK:
		return Client{}, failure, &Unusable{Text: fmt.Sprintf("the document of this client_id is answered with status %d, want 200 and no redirect", answer.Status)}
	case !isJSON(answer.Header.Get("Content-Type")):
		return Client{}, failure, &Unusable{Text: "the document of this client_id has another Content-Type than application/json"}
	}
	m, err := clientmetadata.ParseDocument(answer.Body, clientID)
	if err != nil {
		return Client{}, failure, &Unusable{Text: "the document of this client_id: " + oauth.AsError(err).Text}
	}
	client := Client{Application: m.Application(), Keys: m.Keys, Host: hostOf(clientID)}
	client.Application.ID, client.Application.ClientID = ID(clientID), clientID
	return client, lifetime(answer.Header), nil
}

func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && (mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"))
}

func hostOf(clientID string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(clientID, "https://"), "/")
	return host
}

// ID returns the id in the store of the application with the client id. Two processes that meet a client at once make
// one application of it.
func ID(clientID string) string {
	sum := sha256.Sum256([]byte(clientID))
	return "document-" + hex.EncodeToString(sum[:16])
}

// Keep writes the client down, so that codes and consents can refer to it, as its document is now. Errors: *Unusable
// when an operator has shut it out, or has an API of that name.
func (c Client) Keep(ctx context.Context, tx store.Tx, now time.Time) error {
	err := registry.In(tx, c.Application.ClientID, now).PutDocument(ctx, c.Application, store.Registration{
		Kind: store.DocumentRegistration, Keys: c.Keys, CreatedAt: now, ExpiresAt: now.Add(unused),
	})
	if errors.Is(err, registry.ErrRefused) || errors.Is(err, store.ErrExists) {
		return &Unusable{Text: "the operator of this server does not admit this client_id", Err: err}
	}
	return err
}
