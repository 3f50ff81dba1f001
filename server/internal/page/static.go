package page

import (
	_ "embed"
	"net/http"

	"github.com/postern-auth/postern/internal/look"
)

// StaticPath is where Static is to be mounted.
const StaticPath = "/static/"

//go:embed static/passkey.js
var passkeyScript []byte

//go:embed static/console.js
var consoleScript []byte

var (
	passkeys = look.File{Name: "passkey.js", Data: passkeyScript}
	console  = look.File{Name: "console.js", Data: consoleScript}

	stylesheetPath = StaticPath + look.Stylesheet().Unchanging()
	markPath       = StaticPath + look.Mark().Unchanging()
	passkeyPath    = StaticPath + passkeys.Unchanging()
	consolePath    = StaticPath + console.Unchanging()
)

// Static serves the stylesheet, the mark and the script of passkeys below StaticPath.
func Static() http.Handler {
	mux := http.NewServeMux()
	for path, file := range map[string]look.File{stylesheetPath: look.Stylesheet(), markPath: look.Mark(), passkeyPath: passkeys, consolePath: console} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			policy{}.set(h)
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			file.ServeHTTP(w, r)
		})
	}
	return mux
}
