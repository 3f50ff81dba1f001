package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

func ExampleOpen() {
	folder, err := os.MkdirTemp("", "postern")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(folder, "postern.db"), sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	err = s.InTx(ctx, func(tx store.Tx) error {
		user := store.ServiceUser{ID: "203", Username: "mailer", Active: true}
		if err := tx.PutServiceUser(ctx, user); err != nil {
			return err
		}
		return tx.PutAssignment(ctx, store.Assignment{SubjectID: "203", ProjectID: "197"})
	})
	fmt.Println(errors.Is(err, store.ErrNotFound), err)

	_, err = s.ServiceUser(ctx, "203")
	fmt.Println(errors.Is(err, store.ErrNotFound), err)
	// Output:
	// true sqlite: put assignment of subject "203": store: not found
	// true sqlite: service user "203": store: not found
}
