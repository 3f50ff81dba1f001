package sqlstore

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/store"
)

// instant is a time as a column: milliseconds since 1970, NULL for the zero time.
type instant time.Time

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	if time.Time(i).IsZero() {
		return nil, nil
	}
	return time.Time(i).UnixMilli(), nil
}

// Scan implements sql.Scanner.
func (i *instant) Scan(column any) error {
	switch value := column.(type) {
	case nil:
		*i = instant{}
	case int64:
		*i = instant(time.UnixMilli(value).UTC())
	default:
		return fmt.Errorf("expected a time in milliseconds, got %T", column)
	}
	return nil
}

// optional is a string as a column that is NULL when the string is empty, so that UNIQUE lets any number
// of rows have none.
type optional string

// Value implements driver.Valuer.
func (o optional) Value() (driver.Value, error) {
	if o == "" {
		return nil, nil
	}
	return string(o), nil
}

// Scan implements sql.Scanner.
func (o *optional) Scan(column any) error {
	switch value := column.(type) {
	case nil:
		*o = ""
	case string:
		*o = optional(value)
	default:
		return fmt.Errorf("expected text, got %T", column)
	}
	return nil
}

// texts is a list of strings as a column: a JSON array.
type texts []string

// Value implements driver.Valuer.
func (t texts) Value() (driver.Value, error) {
	if len(t) == 0 {
		return "[]", nil
	}
	for _, text := range t {
		if !utf8.ValidString(text) { // encoding/json would store another string in silence
			return nil, fmt.Errorf("expected UTF-8, got %s", quoted(text))
		}
	}
	array, err := json.Marshal([]string(t))
	return string(array), err
}

// Scan implements sql.Scanner.
func (t *texts) Scan(column any) error {
	array, ok := column.(string)
	if !ok {
		return fmt.Errorf("expected a JSON array, got %T", column)
	}
	*t = nil
	if array == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(array), (*[]string)(t))
}

// digest is a store.Digest as a column.
type digest store.Digest

// Scan implements sql.Scanner.
func (d *digest) Scan(column any) error {
	value, ok := column.([]byte)
	if !ok || len(value) != len(d) {
		return fmt.Errorf("expected a digest of %d bytes, got %T of %d", len(d), column, len(value))
	}
	*d = digest(value)
	return nil
}

// quoted makes a value that nobody has looked at fit for an error.
func quoted(value string) string {
	return strconv.Quote(value[:min(len(value), 64)])
}
