package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/postern-auth/postern/internal/wholefile"
)

// variable is a line of dev.env.
type variable struct{ name, value string }

// devVariables returns what the samples are configured with: their issuers' addresses, and what set-up
// wrote into the data folder.
func devVariables(dir, https, auth0Domain, caFile, clientOrigin string) ([]variable, error) {
	read := func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(dir, "generated", name))
		return strings.TrimSpace(string(text)), err
	}
	list := []variable{
		{"ZITADEL_DOMAIN", https},
		{"ZITADEL_INTROSPECTION_URL", https + "/oauth/v2/introspect"},
		{"ZITADEL_TOKEN_URL", https + "/oauth/v2/token"},
		{"AUTH0_DOMAIN", auth0Domain},
		{"API_IDENTIFIER", "https://quickstarts/api"},
		{"AUTH0_AUDIENCE", "https://hello-world.example.com"},
		{"CLIENT_ORIGIN_URL", clientOrigin},
		{"CA_FILE", caFile},
		{"SERVICE_USER_CLIENT_ID", "service-user"},
		{"SERVICE_USER_WITHOUT_ROLE_CLIENT_ID", "service-user-without-role"},
		{"SERVICE_USER_JWT_CLIENT_ID", "service-user-jwt"},
		{"M2M_CLIENT_ID", "m2m"},
		{"M2M_WITHOUT_SCOPE_CLIENT_ID", "m2m-without-scope"},
	}
	for _, file := range devKeyFiles {
		list = append(list, variable{file.name, filepath.Join(dir, "generated", file.value)})
	}
	for _, content := range devContents {
		value, err := read(content.value)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the document of the folder does not ask for it any more
		}
		if err != nil {
			return nil, err
		}
		list = append(list, variable{content.name, value})
		if content.name == "AUTH0_CLIENT_ID" {
			list = append(list, variable{"AUTH0_CALLBACK_URL", clientOrigin + "/callback"})
		}
		list = append(list, beside[content.name]...)
	}
	return list, nil
}

// devKeyFiles and devContents are the variables that name a file of the folder generated, and that hold what is in one.
var (
	devKeyFiles = []variable{
		{"API_PRIVATE_KEY_FILE", "api-key.json"},
		{"SERVICE_USER_KEY_FILE", "service-user-key.json"},
		{"SERVICE_USER_WITHOUT_ROLE_KEY_FILE", "service-user-without-role-key.json"},
		{"SERVICE_USER_JWT_KEY_FILE", "service-user-jwt-key.json"},
	}
	devContents = []variable{
		{"PROJECT_ID", "project-id"},
		{"API_CLIENT_ID", "api-client-id"},
		{"API_CLIENT_SECRET", "api-secret"},
		{"SERVICE_USER_CLIENT_SECRET", "service-user-secret"},
		{"SERVICE_USER_WITHOUT_ROLE_CLIENT_SECRET", "service-user-without-role-secret"},
		{"SERVICE_USER_JWT_CLIENT_SECRET", "service-user-jwt-secret"},
		{"M2M_CLIENT_SECRET", "m2m-secret"},
		{"M2M_WITHOUT_SCOPE_CLIENT_SECRET", "m2m-without-scope-secret"},
		{"PAT", "pat"},
		{"PAT_WITHOUT_ROLE", "pat-without-role"},
		{"PAT_EXPIRED", "pat-expired"},
		{"PAT_DEACTIVATED", "pat-deactivated"},
		{"AUTH0_CLIENT_ID", "browser-client-id"},
		{"WEB_CLIENT_ID", "web-client-id"},
		{"WEB_CLIENT_SECRET", "web-secret"},
		{"USER_PASSWORD", "user-password"},
		{"USER_WITHOUT_ROLE_PASSWORD", "user-without-role-password"},
	}
)

// beside are variables that mean something only together with the one of a file.
var beside = map[string][]variable{
	"USER_PASSWORD":              {{"USER_EMAIL", "user@example.com"}},
	"USER_WITHOUT_ROLE_PASSWORD": {{"USER_WITHOUT_ROLE_EMAIL", "user-without-role@example.com"}},
}

// lookupIn returns the value of a variable, like os.Getenv.
func lookupIn(list []variable) func(string) string {
	values := make(map[string]string, len(list))
	for _, v := range list {
		values[v.name] = v.value
	}
	return func(name string) string { return values[name] }
}

// writeEnv writes the variables where shells and dotenv read them alike, whole or not at all. A value
// that is more than a word goes into single quotes, which both take as they stand.
func writeEnv(path string, list []variable) error {
	var b strings.Builder
	for _, v := range list {
		value := v.value
		if strings.ContainsAny(value, "'\n") {
			return fmt.Errorf("%s: the value of %s holds a quote or line end, which dotenv and shells read differently; choose another --data folder", path, v.name)
		}
		if strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@~") != "" {
			value = "'" + value + "'"
		}
		fmt.Fprintf(&b, "%s=%s\n", v.name, value)
	}
	return wholefile.Write(path, []byte(b.String()))
}
