// Package picture serves what stands for a person in other sites' pages: their initials on a colour. It is what the
// claim picture names where nobody has set another one.
//
//	mux.Mount(endpoint.Route{Endpoint: picture.Endpoint, Methods: "GET", Origins: endpoint.AnyOrigin, Handler: picture.New(s, logger)})
//	picture.URL(issuer, user) // https://login.example.com/picture/Vq3….svg
//
// The name of a picture is random, and says nothing of whose it is; who has a name learns two letters. Whatever
// nobody has gets a picture too, so that there is no telling which names are somebody's, and no broken image.
package picture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/store"
)

const path, ending = "/picture/", ".svg"

// Endpoint is where pictures are.
var Endpoint = oauth.At(path + "{file}")

// URL returns where the picture of a person is; empty for somebody without one.
func URL(issuer oauth.Issuer, u store.User) string {
	if u.PictureID == "" {
		return ""
	}
	return issuer.URL(path + u.PictureID + ending)
}

// Users is what the endpoint reads.
type Users interface {
	UserByPicture(ctx context.Context, pictureID string) (store.User, error)
}

// New returns the endpoint. An outage is one line in the log.
func New(users Users, logger *slog.Logger) endpoint.Handler { return &picture{users, logger} }

type picture struct {
	users  Users
	logger *slog.Logger
}

// Refuse answers with an error in JSON.
func (*picture) Refuse(w http.ResponseWriter, _ *http.Request, issuer oauth.Issuer, err error) {
	endpoint.RefuseJSON(w, issuer, err)
}

// Serve answers one request to the issuer.
func (p *picture) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	id, ok := strings.CutSuffix(r.PathValue("file"), ending)
	if !ok {
		p.Refuse(w, r, issuer, &oauth.Error{
			Status: http.StatusNotFound, Code: oauth.InvalidRequest, Text: "there is nothing at this path; pictures end in " + ending,
		})
		return
	}
	letters, err := p.letters(r.Context(), id)
	if err != nil {
		p.logger.WarnContext(r.Context(), "picture not shown", "reason", err.Error())
		p.Refuse(w, r, issuer, err)
		return
	}
	image := draw(letters, id)
	sum := sha256.Sum256(image)
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // it is for other sites' pages
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(image))
}

// maxID bounds what is looked up, in bytes.
const maxID = 64

// letters are the initials of the person; empty: nobody has the picture.
func (p *picture) letters(ctx context.Context, id string) (string, error) {
	if id == "" || len(id) > maxID {
		return "", nil
	}
	u, err := p.users.UserByPicture(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("picture: reading a person: %w", err)
	}
	name := u.Name
	for _, other := range []string{strings.TrimSpace(u.GivenName + " " + u.FamilyName), u.LoginName, u.Email} {
		if name == "" {
			name = other
		}
	}
	return page.Person{Name: name}.Initials(), nil
}

// colours are dark enough for white letters (WCAG 2.2, 4.5 to 1).
var colours = []string{"#0b6e5f", "#1f5fa8", "#6b4fa0", "#9c3d6e", "#a4452c", "#7a5a00", "#3f6b1f", "#4a5a68"}

// draw returns the picture. The colour follows from the name, so that it stays.
func draw(letters, id string) []byte {
	sum := sha256.Sum256([]byte(id))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96" viewBox="0 0 96 96"><rect width="96" height="96" fill="%s"/>`, colours[int(sum[0])%len(colours)])
	if letters == "" {
		b.WriteString(`<circle cx="48" cy="37" r="15" fill="#fff"/><path d="M18 96c2-24 14-36 30-36s28 12 30 36z" fill="#fff"/></svg>`)
		return b.Bytes()
	}
	b.WriteString(`<text x="48" y="48" dy=".35em" text-anchor="middle" font-family="system-ui, sans-serif" font-size="38" font-weight="600" fill="#fff">`)
	xml.EscapeText(&b, []byte(letters)) // a bytes.Buffer takes everything
	b.WriteString(`</text></svg>`)
	return b.Bytes()
}
