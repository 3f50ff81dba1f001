package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/serviceuser"
)

func newVersionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  positional(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(e.stdout, "postern version "+version())
			return err
		},
	}
}

// newHelpCommand is cobra's, except that asking about a command that does not exist is wrong usage.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does and its flags",
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return noCommand(c.Root(), strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// noCommand says that there is no such command, and which one may be meant.
func noCommand(c *cobra.Command, name string) error {
	return usage("no command %.64q in %s%s", name, c.CommandPath(), meant(name, commandNames(c)))
}

func commandNames(c *cobra.Command) []string {
	var names []string
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return names
}

// flagError puts an error about a flag into words, with the flag that may be meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		add := func(f *pflag.Flag) { names = append(names, "--"+f.Name) }
		c.Flags().VisitAll(add)
		c.InheritedFlags().VisitAll(add)
		return usage("%w%s", err, meant("--"+unknown.GetSpecifiedName(), names))
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usage("--%s is %.64q, want %s", invalid.GetFlag().Name, invalid.GetValue(), kinds[invalid.GetFlag().Value.Type()])
	}
	return usage("%w", err)
}

// kinds are the types of flags in words.
var kinds = map[string]string{
	"bool": "true or false", "int": "a whole number", "duration": "a duration such as 90s or 720h", "string": "a text", "stringArray": "a text",
}

// meant proposes the closest of the names, or nothing when none is close.
func meant(name string, names []string) string {
	best, least := "", len(name)/3+2
	for _, candidate := range names {
		if d := edits(name, candidate); d < least || d == 1 {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// edits counts the bytes to change, add or drop that make one word the other (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// fieldName is how the library names a field of a Config.
var fieldName = regexp.MustCompile(`\b(?:(?:jwt|introspection|server|serviceuser|clientauth): )?(?:Config|ClientCredentials|JWTProfile)\.([A-Z][A-Za-z]*)`)

// fieldWords are the fields of the library in the words of somebody who sets flags and variables.
var fieldWords = map[string]string{
	"Issuer": "issuer", "Issuers": "issuer", "Audience": "audience", "Audiences": "audience",
	"TokenURL": "token endpoint", "JWKSURL": "URL of the keys", "Endpoint": "introspection endpoint",
	"Scopes": "scope", "Scope": "scope", "Auth": "client", "Key": "key", "SigningAlgorithm": "signing algorithm",
}

// inFlags puts the names of Go fields in an error's text into the user's words.
func inFlags(text string) string {
	return fieldName.ReplaceAllStringFunc(text, func(match string) string {
		words, ok := fieldWords[fieldName.FindStringSubmatch(match)[1]]
		if !ok {
			return match
		}
		return words
	})
}

// hints say what is likely to help with an error, a line each. What a server says is shown but when it holds
// the secret that it was sent.
func (e *env) hints(err error) []string {
	var lines []string
	var refused *serviceuser.Error
	if errors.As(err, &refused) && refused.Description != "" {
		if text := string(refused.Description); e.secret == "" || !strings.Contains(text, e.secret) {
			lines = append(lines, "The server says: "+printable(cut(text, 300)))
		}
	}
	var unknown x509.UnknownAuthorityError
	var missing *missingError
	var unset *sampleapi.MissingError
	switch {
	case errors.As(err, &unknown):
		lines = append(lines, "Name the file of that authority in CA_FILE. That of 'postern dev' is ca.pem in its data folder, and dev.env there names it.")
	case errors.Is(err, syscall.ECONNREFUSED):
		lines = append(lines, "Nothing listens there: check the address, and that the server runs.")
	case !errors.As(err, &missing) && !errors.As(err, &unset):
		return lines
	}
	if file := filepath.Join(".postern", "dev.env"); readable(file) {
		lines = append(lines, "For the server of 'postern dev' give --env-file "+file)
	}
	return lines
}

func readable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// cut shortens a text that a stranger may have written.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// checkIssuer refuses what people give as --issuer and is not one.
func checkIssuer(issuer string) error {
	if base, _, found := strings.Cut(issuer, "/.well-known/"); found {
		return usage("issuer is %.128q, which is where the issuer's metadata is: give %.128q, or what iss says in its tokens", issuer, base)
	}
	return nil
}
