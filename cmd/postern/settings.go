package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// maxSetting bounds the file of a setting, in bytes.
const maxSetting = 64 << 10

// settings gives the flags that the command line does not set what the environment says: --smtp-address is what
// POSTERN_SMTP_ADDRESS holds, or the file that POSTERN_SMTP_ADDRESS_FILE names. A flag that may be given again takes
// one value a line; an empty variable says nothing. secrets, by the names that they would have as flags, have the environment alone: what is on a
// command line is there for everybody on the machine to see. Errors are of usage, and quote no value.
func (e *env) settings(flags *pflag.FlagSet, secrets map[string]*string) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if failed != nil || f.Name == "help" || f.Name == "env-file" {
			return
		}
		name, text, found, err := e.setting(f.Name)
		switch {
		case err != nil:
			failed = err
		case !found || f.Changed: // the command line is nearer
		case f.Value.Type() == "stringArray":
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); line != "" {
					failed = flags.Set(f.Name, line)
				}
			}
		default:
			if err := flags.Set(f.Name, text); err != nil {
				failed = usage("%s is not what --%s takes, a %s", name, f.Name, f.Value.Type())
			}
		}
	})
	for flag, into := range secrets {
		_, text, found, err := e.setting(flag)
		if err != nil && failed == nil {
			failed = err
		}
		if found {
			*into = text
		}
	}
	return failed
}

// setting returns what the environment says about a flag, and in which variable.
func (e *env) setting(flag string) (name, text string, found bool, err error) {
	name = variableOf(flag)
	text, _ = e.lookup(name)
	file, _ := e.lookup(name + "_FILE")
	switch {
	case text != "" && file != "":
		return name, "", false, usage("%s and %s_FILE are both set, want one of them", name, name)
	case file == "":
		return name, text, text != "", nil
	}
	f, err := os.Open(file)
	if err != nil {
		return name, "", false, fmt.Errorf("%s_FILE: %w", name, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSetting+1))
	if err != nil {
		return name, "", false, fmt.Errorf("%s_FILE: %w", name, err)
	}
	if len(content) > maxSetting {
		return name, "", false, usage("%s_FILE: %s is larger than %d bytes", name, file, maxSetting)
	}
	return name + "_FILE", strings.TrimRight(string(content), "\r\n"), true, nil
}

// variableOf returns the variable that a flag is read from where the command line has none.
func variableOf(flag string) string {
	return "POSTERN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
