package browser

import "net/http"

// SameOrigin lets a post through only if the browser says that it comes from a page of this origin, and GET,
// HEAD and OPTIONS always: they change nothing. It is for the forms of pages. The endpoints that programs and
// browser applications call stand outside of it, and so do those that a client posts a person to. What is
// refused gets the answer of refused.
//
// A program that sends neither Sec-Fetch-Site nor Origin passes: it has no cookies but its own. The binding
// is what ties a form to its browser.
func SameOrigin(page, refused http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(refused)
	return protection.Handler(page)
}
