package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/serviceuser"
)

// try is a sample API with lines to try it by.
type try struct {
	sample string
	lines  []tryLine
}

// tryLine is a request and its answer: the status is the one that came, because a line that promises
// another is worse than no line.
type tryLine struct {
	who, why string // whose token, and what makes the API answer as wanted
	want     int
	status   int
	command  string
	err      error // there is no command
}

// String shows what can be pasted into a shell as it is. The comments have no quotes, brackets or other
// signs that a shell without comments at its prompt would take for something.
func (t try) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  # %s\n", t.sample)
	for _, line := range t.lines {
		switch {
		case line.err != nil:
			fmt.Fprintf(&b, "  # no answer with %s: %s\n", line.who, plainComment(line.err.Error()))
			continue
		case line.status == line.want:
			fmt.Fprintf(&b, "  # %d: %s%s\n", line.status, line.who, line.why)
		default:
			fmt.Fprintf(&b, "  # %d: %s, where a new data folder has %d\n", line.status, line.who, line.want)
		}
		fmt.Fprintf(&b, "  %s\n", line.command)
	}
	return b.String()
}

// plainComment makes a text fit for a comment that is pasted.
func plainComment(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("'\"`$\\!;&|<>()\n\r", r) {
			return ' '
		}
		return r
	}, text)
}

// tries asks every sample that runs without a token, and with tokens with and without the right that its
// route needs. The tokens are obtained as a client would, so that a dev that prints them is known to work.
func (d *development) tries(ctx context.Context) []try {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	getenv := lookupIn(d.vars)
	pat := func(context.Context) (string, error) { return getenv("PAT_WITHOUT_ROLE"), nil }
	samples := map[string]struct {
		path, right     string
		with, without   string // service users
		getWith, getOut func(context.Context) (string, error)
	}{
		"zitadel-api": {"/api/private-scoped", "role read:messages", "service-user", "service-user-without-role",
			d.serviceUserToken(getenv), pat},
		"auth0-quickstart": {"/api/private-scoped", "scope read:messages", "m2m", "m2m-without-scope",
			d.m2mToken(getenv, "M2M", "API_IDENTIFIER"), d.m2mToken(getenv, "M2M_WITHOUT_SCOPE", "API_IDENTIFIER")},
		"hello-world": {"/api/messages/admin", "permission read:admin-messages", "m2m", "m2m-without-scope",
			d.m2mToken(getenv, "M2M", "AUTH0_AUDIENCE"), d.m2mToken(getenv, "M2M_WITHOUT_SCOPE", "AUTH0_AUDIENCE")},
	}
	var list []try
	for _, running := range d.samples {
		if running.name == browserClient {
			continue // is for people
		}
		s, route := samples[running.name], running.url+samples[running.name].path
		list = append(list, try{running.name, []tryLine{
			d.try(ctx, route, s.getWith, tryLine{want: http.StatusOK, who: "a token of " + s.with, why: ", which has the " + s.right}),
			d.try(ctx, route, nil, tryLine{want: http.StatusUnauthorized, who: "no token"}),
			d.try(ctx, route, s.getOut, tryLine{want: http.StatusForbidden, who: "a token of " + s.without, why: ", which lacks the " + s.right}),
		}})
	}
	return list
}

// try asks once. Without a function that gets a token it sends none.
func (d *development) try(ctx context.Context, route string, token func(context.Context) (string, error), line tryLine) tryLine {
	line.command = "curl -i " + shellWord(route)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, route, nil)
	if err == nil && token != nil {
		var raw string
		raw, err = token(ctx)
		line.command += " -H 'Authorization: Bearer " + raw + "'"
		request.Header.Set("Authorization", "Bearer "+raw)
	}
	if err != nil {
		line.err = err
		return line
	}
	answer, err := d.client.Do(request)
	if err != nil {
		line.err = err
		return line
	}
	answer.Body.Close()
	line.status = answer.StatusCode
	return line
}

// shellWord quotes a URL whose host is an address in brackets, which shells and curl take for a pattern.
func shellWord(url string) string {
	if strings.Contains(url, "[") {
		return "-g '" + url + "'"
	}
	return url
}

func (d *development) serviceUserToken(getenv func(string) string) func(context.Context) (string, error) {
	return d.token(serviceuser.ClientCredentials{
		Issuer: getenv("ZITADEL_DOMAIN"),
		Auth:   clientauth.SecretBasic(getenv("SERVICE_USER_CLIENT_ID"), getenv("SERVICE_USER_CLIENT_SECRET")),
		Scopes: []string{"openid", "urn:zitadel:iam:org:project:id:" + getenv("PROJECT_ID") + ":aud", "read:messages"},
	})
}

func (d *development) m2mToken(getenv func(string) string, client, audience string) func(context.Context) (string, error) {
	return d.token(serviceuser.ClientCredentials{
		Issuer:   "https://" + getenv("AUTH0_DOMAIN") + "/",
		Auth:     clientauth.SecretBasic(getenv(client+"_CLIENT_ID"), getenv(client+"_CLIENT_SECRET")),
		Audience: getenv(audience),
	})
}

func (d *development) token(c serviceuser.ClientCredentials) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		c.HTTPClient = d.client
		source, err := c.Source()
		if err != nil {
			return "", err
		}
		token, err := source.TokenContext(ctx)
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
}
