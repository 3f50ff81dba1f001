// Package look is how Postern's pages look: one stylesheet and one mark, for the server's pages and for those of
// its sample application.
//
//	mux.Handle("GET /style.css", look.Stylesheet())
package look

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"
)

// A File is what pages load beside themselves. It serves itself; headers about caching are for whoever mounts it.
type File struct {
	Name string
	Data []byte
}

//go:embed style.css
var stylesheet []byte

//go:embed mark.svg
var mark []byte

// Stylesheet returns the stylesheet of all pages.
func Stylesheet() File { return File{"style.css", stylesheet} }

// Mark returns Postern's mark, an SVG.
func Mark() File { return File{"mark.svg", mark} }

// Unchanging returns a file name that changes with what the file holds, so that a browser may keep it for ever.
func (f File) Unchanging() string {
	sum := sha256.Sum256(f.Data)
	ext := path.Ext(f.Name)
	return strings.TrimSuffix(f.Name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
}

// ServeHTTP answers with the file.
func (f File) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, f.Name, time.Time{}, bytes.NewReader(f.Data))
}
