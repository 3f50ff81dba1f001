package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store/sqlite"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "postern")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "postern.db"), sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	authorization, err := server.New(ctx, server.Config{
		Store:   s,
		Issuers: []string{"https://login.example.com", "https://auth0.example.com/"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer authorization.Close()

	answer := httptest.NewRecorder()
	authorization.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "https://login.example.com/ready", nil))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output: 200 {"status":"ready"}
}
