package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed static/style.css static/mark.svg static/passkey.js
var staticFiles embed.FS

// StaticPath is where Static is to be mounted.
const StaticPath = "/static/"

var (
	stylesheetPath = hashedPath("style.css")
	markPath       = hashedPath("mark.svg")
	passkeyPath    = hashedPath("passkey.js")
)

// hashedPath returns the path of a file, which changes with what it holds: a browser may keep it for ever.
func hashedPath(name string) string {
	data, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(data)
	ext := path.Ext(name)
	return StaticPath + strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
}

// Static serves the stylesheet, the mark and the script of passkeys below StaticPath.
func Static() http.Handler {
	mux := http.NewServeMux()
	for served, file := range map[string]string{stylesheetPath: "static/style.css", markPath: "static/mark.svg", passkeyPath: "static/passkey.js"} {
		mux.HandleFunc("GET "+served, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			policy{}.set(h)
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			http.ServeFileFS(w, r, staticFiles, file)
		})
	}
	return mux
}
