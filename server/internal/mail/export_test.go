package mail

import (
	"net/mail"
	"time"
)

// Compose writes a message for the fuzz test.
func Compose(m Message) ([]byte, error) {
	return compose(envelope{mail.Address{Address: "login@example.com"}, time.Unix(0, 0), "id"}, m)
}
