package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
)

func TestDevShowsMailsInsteadOfSendingThem(t *testing.T) {
	mails := &devMails{now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }}
	handler := mails.in(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the server", http.StatusTeapot) }))
	get := func(host, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+path, nil)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	if w := get("localhost:8080", devMailPath); w.Code != 200 || !strings.Contains(w.Body.String(), "None yet") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for i := range 102 {
		err := mails.Send(t.Context(), server.Mail{
			To: "anna@example.com", Subject: fmt.Sprintf("Mail %d <b>", i+1), Text: "Hello,\n\nhttp://localhost:8080/reset/abc\n\n<script>x</script> javascript:alert(1)\n",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	list := get("127.0.0.1:8080", devMailPath).Body.String()
	if strings.Count(list, "<li>") != maxDevMails || strings.Contains(list, "Mail 2 ") || strings.Index(list, "Mail 102 ") > strings.Index(list, "Mail 101 ") || strings.Contains(list, "<b>") {
		t.Errorf("%.500s", list)
	}
	one := get("[::1]:8080", devMailPath+"/102")
	if one.Code != 200 || !strings.Contains(one.Body.String(), `<a href="http://localhost:8080/reset/abc">`) || strings.Contains(one.Body.String(), "<script>") {
		t.Errorf("%d %s", one.Code, one.Body)
	}
	if h := one.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("headers %v", h)
	}
	if w := get("localhost", devMailPath+"/style.css"); w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/1", "/103", "/0", "/-1", "/x", "/102x"} {
		if w := get("localhost", devMailPath+path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"} {
		if w := get(host, devMailPath); w.Code != http.StatusTeapot {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
	for _, path := range []string{"/dev/mailx", "/dev", "/reset"} {
		if w := get("localhost", path); w.Code != http.StatusTeapot {
			t.Errorf("another path: %d", w.Code)
		}
	}
	if w := get("localhost", "/dev/mail/1/x"); w.Code != 404 {
		t.Errorf("another path: %d", w.Code)
	}
}
