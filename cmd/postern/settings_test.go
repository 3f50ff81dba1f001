package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestSettingsComeFromFlagsVariablesAndFiles(t *testing.T) {
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "setting")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, test := range map[string]struct {
		args      []string
		variables map[string]string
		want      string
		fault     string
	}{
		"nothing":                        {nil, nil, " |false|0s||", ""},
		"a flag":                         {[]string{"--smtp-address", "a:1"}, nil, "a:1 |false|0s||", ""},
		"a variable":                     {nil, map[string]string{"POSTERN_SMTP_ADDRESS": "b:2"}, "b:2 |false|0s||", ""},
		"a file":                         {nil, map[string]string{"POSTERN_SMTP_ADDRESS_FILE": file("c:3\n")}, "c:3 |false|0s||", ""},
		"a flag goes before":             {[]string{"--smtp-address", "a:1"}, map[string]string{"POSTERN_SMTP_ADDRESS": "b:2"}, "a:1 |false|0s||", ""},
		"a switch":                       {nil, map[string]string{"POSTERN_SIGN_UP": "true"}, " |true|0s||", ""},
		"a switch that is off":           {[]string{"--sign-up=false"}, map[string]string{"POSTERN_SIGN_UP": "true"}, " |false|0s||", ""},
		"a duration":                     {nil, map[string]string{"POSTERN_SESSION_IDLE": "90m"}, " |false|1h30m0s||", ""},
		"empty variables":                {nil, map[string]string{"POSTERN_SIGN_UP": "", "POSTERN_SMTP_ADDRESS_FILE": "", "POSTERN_SMTP_PASSWORD": ""}, " |false|0s||", ""},
		"a list":                         {nil, map[string]string{"POSTERN_ISSUER": "https://a\n https://b \n\n"}, " |false|0s|https://a,https://b|", ""},
		"a secret":                       {nil, map[string]string{"POSTERN_SMTP_PASSWORD": "pa55"}, " |false|0s||pa55", ""},
		"a secret in a file":             {nil, map[string]string{"POSTERN_SMTP_PASSWORD_FILE": file(" pa55 \r\n")}, " |false|0s|| pa55 ", ""},
		"a variable and a file":          {nil, map[string]string{"POSTERN_SMTP_ADDRESS": "a:1", "POSTERN_SMTP_ADDRESS_FILE": file("x")}, "", "POSTERN_SMTP_ADDRESS and POSTERN_SMTP_ADDRESS_FILE are both set"},
		"a secret twice":                 {nil, map[string]string{"POSTERN_SMTP_PASSWORD": "pa55", "POSTERN_SMTP_PASSWORD_FILE": file("x")}, "", "both set"},
		"a file that is not there":       {nil, map[string]string{"POSTERN_SMTP_PASSWORD_FILE": "absent"}, "", "POSTERN_SMTP_PASSWORD_FILE: open absent"},
		"a file that is too large":       {nil, map[string]string{"POSTERN_SMTP_PASSWORD_FILE": file(strings.Repeat("x", 65<<10))}, "", "larger than 65536 bytes"},
		"a duration that is none":        {nil, map[string]string{"POSTERN_SESSION_IDLE": "pa55"}, "", "POSTERN_SESSION_IDLE is not what --session-idle takes, a duration"},
		"a switch that is none":          {nil, map[string]string{"POSTERN_SIGN_UP": "pa55"}, "", "POSTERN_SIGN_UP is not what --sign-up takes, a bool"},
		"another variable is left alone": {nil, map[string]string{"POSTERN_DEEP": "1", "SMTP_ADDRESS": "x"}, " |false|0s||", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var address, password string
			var signUp bool
			var idle time.Duration
			var issuers []string
			flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
			flags.StringVar(&address, "smtp-address", "", "")
			flags.BoolVar(&signUp, "sign-up", false, "")
			flags.DurationVar(&idle, "session-idle", 0, "")
			flags.StringArrayVar(&issuers, "issuer", nil, "")
			if err := flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			e := &env{lookup: func(name string) (string, bool) { text, ok := test.variables[name]; return text, ok }}
			err := e.settings(flags, map[string]*string{smtpPassword: &password})
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "pa55") {
					t.Errorf("got %v, want %q and no value", err, test.fault)
				}
				return
			}
			got := address + " |" + map[bool]string{true: "true", false: "false"}[signUp] + "|" + idle.String() + "|" + strings.Join(issuers, ",") + "|" + password
			if err != nil || got != test.want {
				t.Errorf("got %q and %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestMailSettingsThatContradictEachOther(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a sender without a server":   {[]string{"--smtp-from", "a@example.com"}, "needs --smtp-address"},
		"a user without a server":     {[]string{"--smtp-user", "a"}, "needs --smtp-address"},
		"sign-up without a server":    {[]string{"--sign-up"}, "--sign-up needs --smtp-address"},
		"a server without a sender":   {[]string{"--smtp-address", "a:1"}, "the sender is"},
		"a server without a port":     {[]string{"--smtp-address", "a", "--smtp-from", "a@example.com"}, "host:port"},
		"another encryption":          {[]string{"--smtp-address", "a:1", "--smtp-from", "a@example.com", "--smtp-security", "ssl"}, "starttls, tls or insecure-none"},
		"a user without a password":   {[]string{"--smtp-address", "a:1", "--smtp-from", "a@example.com", "--smtp-user", "a"}, "both or neither"},
		"all that it takes":           {[]string{"--smtp-address", "a:1", "--smtp-from", "Example <a@example.com>", "--sign-up"}, ""},
		"nothing":                     {nil, ""},
		"a server on this machine":    {[]string{"--smtp-address", "localhost:25", "--smtp-from", "a@example.com", "--smtp-security", "insecure-none"}, ""},
		"a server with TLS from zero": {[]string{"--smtp-address", "a:465", "--smtp-from", "a@example.com", "--smtp-security", "tls"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var f peopleFlags
			flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
			f.add(flags)
			if err := flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			mailer, err := f.mailer()
			if test.want == "" && (err != nil || (mailer != nil) != (len(test.args) > 0)) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v and %v, want %q", mailer, err, test.want)
			}
		})
	}
}
