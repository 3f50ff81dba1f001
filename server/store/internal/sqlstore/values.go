package sqlstore

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// elements is a parameter for Backend.Elements. Texts that nothing is called by, for no engine keeps them all, are left
// out: they would find nothing.
func elements(list []string) texts {
	return slices.DeleteFunc(slices.Clone(list), func(text string) bool {
		return !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0
	})
}

// methods is a list of store.Method as a column: a JSON array with times in milliseconds.
type methods []store.Method

type method struct {
	Name string `json:"name"`
	At   *int64 `json:"at"` // null for the zero time
}

// Value implements driver.Valuer.
func (m methods) Value() (driver.Value, error) {
	list := make([]method, len(m))
	for i, each := range m {
		if !utf8.ValidString(each.Name) {
			return nil, fmt.Errorf("expected UTF-8, got %s", quoted(each.Name))
		}
		list[i].Name = each.Name
		if !each.At.IsZero() {
			at := each.At.UnixMilli()
			list[i].At = &at
		}
	}
	array, err := json.Marshal(list)
	return string(array), err
}

// Scan implements sql.Scanner.
func (m *methods) Scan(column any) error {
	array, ok := column.(string)
	if !ok {
		return fmt.Errorf("expected a JSON array, got %T", column)
	}
	var list []method
	if err := json.Unmarshal([]byte(array), &list); err != nil {
		return err
	}
	*m = make(methods, len(list))
	for i, each := range list {
		(*m)[i].Name = each.Name
		if each.At != nil {
			(*m)[i].At = time.UnixMilli(*each.At).UTC()
		}
	}
	return nil
}

// handle is a store.UserHandle as a column.
type handle store.UserHandle

// Scan implements sql.Scanner.
func (h *handle) Scan(column any) error { return scanBytes(h[:], column) }

// optionalDigest is a store.Digest as a column that is NULL when the digest is zero.
type optionalDigest store.Digest

// Value implements driver.Valuer.
func (d optionalDigest) Value() (driver.Value, error) {
	if d == (optionalDigest{}) {
		return nil, nil
	}
	return d[:], nil
}

// Scan implements sql.Scanner.
func (d *optionalDigest) Scan(column any) error {
	if column == nil {
		*d = optionalDigest{}
		return nil
	}
	return scanBytes(d[:], column)
}

// digest is a store.Digest as a column.
type digest store.Digest

// Scan implements sql.Scanner.
func (d *digest) Scan(column any) error { return scanBytes(d[:], column) }

// scanBytes fills dest, all of it, with a column.
func scanBytes(dest []byte, column any) error {
	value, ok := column.([]byte)
	if !ok || len(value) != len(dest) {
		return fmt.Errorf("expected %d bytes, got %T of %d", len(dest), column, len(value))
	}
	copy(dest, value)
	return nil
}

// quoted makes a value that nobody has looked at fit for an error.
func quoted(value string) string {
	return strconv.Quote(value[:min(len(value), 64)])
}
