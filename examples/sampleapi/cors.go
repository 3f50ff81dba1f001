package sampleapi

import (
	"net/http"
	"strings"
)

// shareWith adds the headers that let a browser show the answer to pages of the origin, and of no other
// (Fetch standard, CORS protocol). A request without Origin gets them too, as the samples' callers know it.
func shareWith(origin string, header http.Header, r *http.Request) {
	// Also without the permission: a cache must not hand one origin's answer to another.
	header.Add("Vary", "Origin")
	if from := r.Header.Get("Origin"); from != "" && from != origin {
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return
	}
	if wanted := sharedHeaders(r.Header.Get("Access-Control-Request-Headers")); wanted != "" {
		header.Set("Access-Control-Allow-Headers", wanted)
	}
	header.Set("Access-Control-Allow-Methods", http.MethodGet)
	header.Set("Access-Control-Max-Age", "86400")
}

// sharedHeaders returns those of the wanted request headers that pages may set.
func sharedHeaders(wanted string) string {
	var list []string
	for name := range strings.SplitSeq(strings.ToLower(wanted), ",") {
		if name = strings.TrimSpace(name); name == "authorization" || name == "content-type" {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}
