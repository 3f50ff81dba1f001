package snippet

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	hostilePath = `/a'b$(id)${HOME}#{1}`
	// What a language could take for the end of a string, a variable, an escape or a command.
	hostileTarget = `/a'b"c\d$(id)` + "`id`" + `${HOME}{1}[1]|é?q='%22"$x\(1)%zz??/&r=#{1}`
	hostileToken  = `a'b"c\d$(id)` + "`id`" + `${HOME}#{1+1}\(1)%s\u0022{}@??/'\''\`
)

func whole(l Language, c Call) string {
	var b strings.Builder
	for _, span := range l.Spans(c) {
		b.WriteString(span.Text)
	}
	return b.String()
}

func newCall(t testing.TB, address, token string) Call {
	t.Helper()
	c, err := NewCall(address, token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewCallRefuses(t *testing.T) {
	const address = "no http or https URL with a host"
	for _, row := range []struct{ address, token, told string }{
		{"", "t", address}, {"/path", "t", address}, {"//host/path", "t", address}, {"host:80/path", "t", address},
		{"file:///etc/passwd", "t", address}, {"javascript:alert(1)", "t", address}, {"http://", "t", address},
		{"http://:80/", "t", address}, {"http://a/\x00", "t", address}, {"http://a/%zz", "t", address}, {"http://a\nb/", "t", address},
		{"http://bücher.example/", "t", "the host of the address"}, {"http://a'b/", "t", "the host of the address"},
		{"http://$(id)/", "t", "the host of the address"}, {"http://a", "", "the token"}, {"http://a", "a b", "the token"},
		{"http://a", "a\r\nX: y", "the token"}, {"http://a", "é", "the token"}, {"http://a", "a\x7f", "the token"},
	} {
		c, err := NewCall(row.address, row.token)
		if err == nil || !strings.Contains(err.Error(), row.told) || c != (Call{}) {
			t.Errorf("%q %q: %+v, %v", row.address, row.token, c, err)
		}
	}
}

func TestAddressesAreWhatIsSent(t *testing.T) {
	for given, want := range map[string]string{
		"http://a":                            "http://a/",
		"https://a:8443?x":                    "https://a:8443/?x",
		"http://mia:secret@a/b#c":             "http://a/b",
		"http://[::1]:80/a%2Fb":               "http://[::1]:80/a%2Fb",
		"HTTP://a/b c{d}[e]é":                 "http://a/b%20c%7Bd%7D%5Be%5D%C3%A9",
		"http://a/?x=%zz&y=[1]&z=%":           "http://a/?x=%25zz&y=%5B1%5D&z=%25",
		"http://a/b/./../c?d/../e":            "http://a/c?d/../e",
		"http://a/'$(id)?q='%22\"\\`$x\u2028": "http://a/%27$(id)?q=%27%22%22%5C%60$x%E2%80%A8",
	} {
		if c := newCall(t, given, "t"); c.address != want {
			t.Errorf("%s: %s, want %s", given, c.address, want)
		}
	}
}

// parts returns code without its strings and comments, and what the strings say, by the rules of the language.
func parts(t testing.TB, l Language, code string) (rest string, said []string) {
	t.Helper()
	quotes := map[string]string{"curl": "'", "Ruby": "'", "PHP": `'"`}[l.Name]
	if quotes == "" {
		quotes = `"`
	}
	var b strings.Builder
	for i := 0; i < len(code); i++ {
		if l.Name == "curl" && strings.HasPrefix(code[i:], `\'`) {
			said[len(said)-1] += "'" // between two strings, which are one to a shell
			i++
			if i+1 < len(code) && code[i+1] == '\'' {
				end := strings.IndexByte(code[i+2:], '\'')
				if end < 0 {
					t.Fatalf("%s: a string does not end: %s", l.Name, code)
				}
				said[len(said)-1] += code[i+2 : i+2+end]
				i += 2 + end
			}
			continue
		}
		if strings.HasPrefix(code[i:], "// ") || strings.HasPrefix(code[i:], "# ") {
			i += strings.IndexByte(code[i:], '\n')
			continue
		}
		if strings.IndexByte(quotes, code[i]) < 0 {
			b.WriteByte(code[i])
			continue
		}
		quote, one, ended := code[i], "", false
		for i++; i < len(code) && !ended; i++ {
			escapable := quote == '"' || code[min(i+1, len(code)-1)] == '\\' || code[min(i+1, len(code)-1)] == '\''
			switch {
			case code[i] == quote:
				ended = true
			case code[i] == '\n':
				t.Fatalf("%s: a string goes over a line: %s", l.Name, code)
			case code[i] == '\\' && l.Name != "curl" && escapable:
				i++
				if strings.IndexByte(`\"'?n`, code[i]) < 0 {
					t.Fatalf("%s: an escape \\%c: %s", l.Name, code[i], code)
				}
				one += code[i : i+1]
			default:
				one += code[i : i+1]
			}
		}
		if !ended {
			t.Fatalf("%s: a string does not end: %s", l.Name, code)
		}
		i--
		said = append(said, one)
		b.WriteString("«»")
	}
	return b.String(), said
}

// checkData fails unless a call reads as one of harmless values does, but for what its strings say.
func checkData(t testing.TB, l Language, c Call) {
	t.Helper()
	scheme, _, _ := strings.Cut(c.address, ":")
	code := whole(l, c)
	rest, said := parts(t, l, code)
	wantRest, want := parts(t, l, whole(l, newCall(t, scheme+"://HOST/TARGET", "TOKEN")))
	for i := range want {
		switch want[i] {
		case scheme + "://HOST/TARGET":
			want[i] = c.address
		case "HOST":
			want[i] = c.host
		case "/TARGET":
			want[i] = c.target
		default:
			want[i] = strings.ReplaceAll(want[i], "TOKEN", c.token)
		}
	}
	if rest != wantRest || !slices.Equal(said, want) {
		t.Errorf("%s:\n%s\nsays %q\nwant %q", l.Name, code, said, want)
	}
}

func TestValuesAreDataInEachLanguage(t *testing.T) {
	if len(Languages) != 10 {
		t.Errorf("%d languages", len(Languages))
	}
	for _, l := range Languages {
		for _, address := range []string{"http://a", "https://a.example:8443" + hostileTarget, "http://a" + hostilePath, "http://a/'?'??/'", "https://a/????'"} {
			for _, token := range []string{"t", hostileToken, `'`, `''`, `\`, `\\'`, `"`, `\"`, `$`, "«token»", "«address»"} {
				if c, err := NewCall(address, token); err == nil {
					checkData(t, l, c)
				} else if !strings.Contains(token, "«") {
					t.Error(err)
				}
			}
		}
		code := whole(l, newCall(t, "https://a/b", "TOKEN"))
		if strings.Contains(code, "«") || strings.Count(code, "TOKEN") != 1 || !strings.HasSuffix(code, "\n") {
			t.Errorf("%s: %s", l.Name, code)
		}
		for pair := range strings.SplitSeq("() [] {}", " ") {
			if rest, _ := parts(t, l, code); strings.Count(rest, pair[:1]) != strings.Count(rest, pair[1:]) {
				t.Errorf("%s: %s do not match: %s", l.Name, pair, code)
			}
		}
	}
}

func TestColours(t *testing.T) {
	for _, l := range Languages {
		seen := map[int]bool{}
		for _, span := range l.Spans(newCall(t, "https://a/b", "TOKEN")) {
			seen[span.Colour] = true
			if strings.Contains(span.Text, "TOKEN") && span.Colour != text {
				t.Errorf("%s: the token is no string: %+v", l.Name, span)
			}
		}
		if !seen[keyword] || !seen[text] || !seen[0] {
			t.Errorf("%s: %v", l.Name, seen)
		}
	}
}

func FuzzCall(f *testing.F) {
	f.Add("https://a"+hostileTarget, hostileToken)
	f.Add("http://mia:secret@[::1]:80/?#", "t")
	f.Fuzz(func(t *testing.T, address, token string) {
		c, err := NewCall(address, token)
		if err != nil {
			return
		}
		for _, l := range Languages {
			checkData(t, l, c)
		}
	})
}

// programs run a call from a file, where they are installed.
var programs = map[string]struct {
	file string
	run  []string
	// everywhere is set for what the machines that test Postern all have; a test that lacks it is skipped and not left out.
	everywhere bool
}{
	"curl":   {"call.sh", []string{"sh", "call.sh"}, true},
	"Go":     {"call.go", []string{"go", "run", "call.go"}, true},
	"Java":   {"Call.java", []string{"java", "Call.java"}, false},
	"Node":   {"call.mjs", []string{"node", "call.mjs"}, true},
	"PHP":    {"call.php", []string{"php", "call.php"}, false},
	"Python": {"call.py", []string{"python3", "call.py"}, true},
	"Ruby":   {"call.rb", []string{"ruby", "call.rb"}, false},
}

// The calls do what they say: each is run, with values that would do harm if they were more than text.
func TestCallsReachTheAPI(t *testing.T) {
	var want Call
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != "GET" || r.RequestURI != want.target:
			w.WriteHeader(http.StatusTeapot)
		case !slices.Equal(r.Header["Authorization"], []string{"Bearer " + want.token}):
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte("missing rights"))
		default:
			w.Write([]byte("a protected message"))
		}
	}))
	defer api.Close()
	want = newCall(t, api.URL+hostileTarget, hostileToken)
	refused := newCall(t, api.URL+hostileTarget, "another")
	for _, l := range Languages {
		p, known := programs[l.Name]
		tool := ""
		if known {
			tool = p.run[0]
			if l.Name == "curl" {
				tool = "curl"
			}
		}
		if _, err := exec.LookPath(tool); err != nil && !p.everywhere {
			continue // TestValuesAreDataInEachLanguage has read it
		}
		t.Run(l.Name, func(t *testing.T) {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skip("not run:", err)
			}
			for _, row := range []struct {
				call   Call
				status string
				body   string
			}{{want, "200", "a protected message"}, {refused, "403", "missing rights"}} {
				folder := t.TempDir()
				if err := os.WriteFile(filepath.Join(folder, p.file), []byte(whole(l, row.call)), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), p.run[0], p.run[1:]...)
				cmd.Dir = folder
				cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "GOWORK=off")
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), row.status) || !strings.Contains(string(out), row.body) {
					t.Errorf("%v: %s\n%s", err, out, whole(l, row.call))
				}
			}
		})
	}
}
