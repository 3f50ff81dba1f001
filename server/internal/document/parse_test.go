package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseNamesFileLineAndFieldOfWhatIsWrong(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"an empty file is not a document", "", "postern.yaml:1: expected an object, got an empty document"},
		{"comments alone are not a document", "# none\n", "postern.yaml:1: expected an object, got an empty document"},
		{"a list is not a document", "\n- a\n", "postern.yaml:2: expected an object, got a list"},
		{"a second document is refused", "projects: []\n---\nprojects: []\n", "postern.yaml:2: expected one document, got a second one"},
		{"an open bracket is not YAML", "projects:\n  - name: [a,\n", "postern.yaml:3: expected YAML: did not find expected node content, while parsing a flow node"},
		{"a tab as indentation is not YAML", "projects:\n\t- name: a\n", "postern.yaml:2: expected YAML: found character that cannot start any token, while scanning for the next token"},
		{"bytes that are not UTF-8 are refused", "projects:\n  - name: \"\xff\"\n", "postern.yaml:2: expected UTF-8, got other bytes"},
		{"deep nesting is refused", strings.Repeat("[", 20000), "postern.yaml:1: expected YAML: exceeded max depth of 10000, while increasing flow level"},
		{"an unknown field at the top is an error", "project: []\n", "postern.yaml:1: project: unknown field, expected one of organization, projects, service_users, users"},
		{"an unknown field below is an error", "projects:\n- name: a\n  role: []\n",
			"postern.yaml:3: projects[0].role: unknown field, expected one of active, apis, applications, id_file, name, roles, was"},
		{"a field given twice is an error", "projects:\n- name: a\n  active: true\n  active: false\n",
			"postern.yaml:4: projects[0].active: given twice, first in line 3"},
		{"a required field is missed by its name", "projects:\n- active: true\n", "postern.yaml:2: projects[0].name: required, but not there"},
		{"a number is not a text", "service_users:\n- username: 203\n", "postern.yaml:2: service_users[0].username: expected text, got the number 203; put it in quotes"},
		{"yes is not a bool", "projects:\n- {name: a, active: yes}\n", `postern.yaml:2: projects[0].active: expected true or false, got "yes"`},
		{"a list of roles is not an object", "projects: [{name: a}]\nservice_users:\n- username: u\n  roles: [a]\n",
			"postern.yaml:4: service_users[0].roles: expected an object, got a list"},
		{"nothing is not a list of keys", "projects: [{name: a}]\nservice_users:\n- username: u\n  roles:\n    a:\n",
			"postern.yaml:5: service_users[0].roles.a: expected a list, got nothing"},
		{"an alias is refused", "projects:\n- &p {name: a}\n- *p\n", "postern.yaml:3: projects[1]: expected an object, got an alias; write the value out"},
		{"a merge key is refused", "projects:\n- <<: {name: a}\n",
			"postern.yaml:2: projects[0]: expected a name, got the tag \"!!merge\"\npostern.yaml:2: projects[0].name: required, but not there"},
		{"a tag of one's own is refused", "projects:\n- !p {name: a}\n",
			"postern.yaml:2: projects[0]: expected an object, got the tag \"!p\"\npostern.yaml:2: projects[0].name: required, but not there"},
		{"a standard scope is not a role", "projects:\n- {name: a, roles: [openid]}\n",
			`postern.yaml:2: projects[0].roles[0]: expected a key of your own, got the standard scope "openid"`},
		{"a reserved prefix is not a role", "projects:\n- {name: a, roles: [{key: 'urn:zitadel:iam:x'}]}\n",
			`postern.yaml:2: projects[0].roles[0].key: expected a key that does not start with urn:zitadel:, got "urn:zitadel:iam:x"`},
		{"a role with a space would be two scopes", "projects:\n- {name: a, roles: ['a b']}\n",
			`postern.yaml:2: projects[0].roles[0]: expected visible ASCII characters without " and \, got "a b"`},
		{"a role with a line end is quoted in the error", "projects:\n- {name: a, roles: [\"a\\nb\"]}\n",
			`postern.yaml:2: projects[0].roles[0]: expected visible ASCII characters without " and \, got "a\nb"`},
		{"a long value is cut in the error", "projects:\n- {name: a, roles: ['" + strings.Repeat("x", 99) + " " + "']}\n",
			`postern.yaml:2: projects[0].roles[0]: expected visible ASCII characters without " and \, got "` + strings.Repeat("x", 64) + `"`},
		{"a role is listed once", "projects:\n- {name: a, roles: [x, x]}\n", `postern.yaml:2: projects[0].roles[1]: expected each key once, got "x" again`},
		{"an escape sequence is not a name", "projects:\n- name: \"a\\e[2J\"\n", `postern.yaml:2: projects[0].name: expected printable characters, got "a\x1b[2J"`},
		{"a colon is not part of a username", "service_users:\n- username: a:b\n",
			`postern.yaml:2: service_users[0].username: expected letters, digits and ._~@- alone, got "a:b"`},
		{"a shape of tokens is one of a list", "projects:\n- name: a\n  apis:\n  - {name: b, token: jws}\n",
			`postern.yaml:4: projects[0].apis[0].token: expected one of opaque, jwt, zitadel, access_token, access_token_authz, rfc9068, rfc9068_authz, got "jws"`},
		{"HMAC is not a signing algorithm", "projects:\n- name: a\n  apis:\n  - {name: b, signing_algorithm: HS256}\n",
			`postern.yaml:4: projects[0].apis[0].signing_algorithm: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, got "HS256"`},
		{"a lifetime has a unit", "projects:\n- name: a\n  apis:\n  - {name: b, token_lifetime: '15'}\n",
			`postern.yaml:4: projects[0].apis[0].token_lifetime: expected a duration such as 15m or 24h, got "15"`},
		{"a lifetime is bounded", "projects:\n- name: a\n  apis:\n  - {name: b, token_lifetime: 721h}\n",
			`postern.yaml:4: projects[0].apis[0].token_lifetime: expected a duration from 1s to 720h, got 721h0m0s`},
		{"an expiry is not so short that it becomes none", "service_users:\n- username: u\n  secrets: [{secret_file: s, expires: 1ns}]\n",
			`postern.yaml:3: service_users[0].secrets[0].expires: expected a duration of at least 1s, got 1ns; write a past time as 2020-01-01T00:00:00Z`},
		{"an expiry is a duration or a time", "service_users:\n- username: u\n  secrets: [{secret_file: s, expires: 2030-01-01}]\n",
			`postern.yaml:3: service_users[0].secrets[0].expires: expected a duration such as 720h or a time such as 2030-01-01T00:00:00Z, got "2030-01-01"`},
		{"a folder is not a file", "service_users:\n- username: u\n  secrets: [{secret_file: s/}]\n",
			`postern.yaml:3: service_users[0].secrets[0].secret_file: expected the path of a file, got "s/"`},
		{"two entries cannot share a file", "service_users:\n- username: u\n  secrets: [{secret_file: s}]\n  keys: [{key_file: ./s}]\n",
			`postern.yaml:4: service_users[0].keys[0].key_file: expected another file, got "s", which is taken by service_users[0].secrets[0].secret_file in line 3`},
		{"a username is not another's client id", "projects:\n- name: a\n  apis: [{name: b, client_id: c}]\nservice_users:\n- username: c\n",
			`postern.yaml:5: service_users[0].username: expected another username, got "c", which is taken by projects[0].apis[0].client_id in line 3`},
		{"an identifier is not another API's client id", "projects:\n- name: a\n  apis:\n  - {name: b, client_id: c}\n  - {name: d, identifier: c}\n",
			`postern.yaml:5: projects[0].apis[1].identifier: expected another identifier, got "c", which is taken by projects[0].apis[0].client_id in line 4`},
		{"a project of a role is in the document", "service_users:\n- username: u\n  roles:\n    gone: []\n",
			`postern.yaml:4: service_users[0].roles.gone: expected the name of a project in this document, got "gone"`},
		{"a role is one of its project", "projects:\n- {name: a, roles: [x]}\nservice_users:\n- username: u\n  roles:\n    a:\n    - y\n",
			`postern.yaml:7: service_users[0].roles.a[0]: expected a role of project "a", got "y"`},
		{"a permission is one of its API", "projects:\n- name: a\n  apis: [{name: b}]\nservice_users:\n- username: u\n  permissions: {b: [y]}\n",
			`postern.yaml:6: service_users[0].permissions.b[0]: expected a permission of API "b", got "y"`},
		{"a name of two APIs is not a reference", "projects:\n- {name: a, apis: [{name: x}]}\n- {name: b, apis: [{name: x}]}\nservice_users:\n- username: u\n  permissions: {x: []}\n",
			`postern.yaml:6: service_users[0].permissions.x: expected one API, got "x", which names 2; use its identifier, or project/name`},
		{"an API is granted once, however named", "projects:\n- {name: a, apis: [{name: x, identifier: 'https://x'}]}\nservice_users:\n- username: u\n  permissions:\n    x: []\n    https://x: []\n",
			`postern.yaml:7: service_users[0].permissions["https://x"]: expected each API once, got API "x" again, first in line 6`},
		{"an audience leads somewhere", "service_users:\n- username: u\n  personal_access_tokens: [{name: n, token_file: f, audience: [x]}]\n",
			`postern.yaml:3: service_users[0].personal_access_tokens[0].audience[0]: expected a project or an API of this document, got "x"`},
		{"a name is not empty", "projects:\n- name: ''\n", "postern.yaml:2: projects[0].name: expected 1 to 200 characters, got 0"},
		{"a name has no space at its end", "projects:\n- name: 'a '\n", `postern.yaml:2: projects[0].name: expected no space at the ends, got "a "`},
		{"a username is not empty", "service_users:\n- {username: '', name: ''}\n", "postern.yaml:2: service_users[0].username: expected 1 to 256 bytes, got 0"},
		{"an identifier is not empty", "projects:\n- {name: a, apis: [{name: b, identifier: ''}]}\n", "postern.yaml:2: projects[0].apis[0].identifier: expected 1 to 256 bytes, got 0"},
		{"an identifier has no quotes", "projects:\n- {name: a, apis: [{name: b, identifier: 'x\"'}]}\n",
			`postern.yaml:2: projects[0].apis[0].identifier: expected visible ASCII characters without " and \, such as https://api.example.com, got "x\""`},
		{"a path is not empty", "projects:\n- {name: a, id_file: ''}\n", "postern.yaml:2: projects[0].id_file: expected a path of 1 to 4096 bytes, got 0 bytes"},
		{"a path has no line end", "projects:\n- {name: a, id_file: \"x\\ny\"}\n", `postern.yaml:2: projects[0].id_file: expected a path without control characters, got "x\ny"`},
		{"a path is not that of an unfinished file", "projects:\n- {name: a, id_file: .x.pending}\n",
			`postern.yaml:2: projects[0].id_file: expected a path that does not end in .pending, which names unfinished files; got ".x.pending"`},
		{"a key is of a kind that can be made", "service_users:\n- {username: u, keys: [{key_file: k, algorithm: PS256}]}\n",
			`postern.yaml:2: service_users[0].keys[0].algorithm: expected one of RS256, ES256, EdDSA, got "PS256"`},
		{"all errors are shown at once", "projects:\n- nam: a\n- {name: 1}\n",
			"postern.yaml:2: projects[0].nam: unknown field, expected one of active, apis, applications, id_file, name, roles, was\n" +
				"postern.yaml:2: projects[0].name: required, but not there\n" +
				"postern.yaml:3: projects[1].name: expected text, got the number 1; put it in quotes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc, err := Parse("postern.yaml", []byte(test.yaml))
			if err == nil {
				t.Fatalf("got document %+v, want an error", doc)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseBoundsWhatABadDocumentCosts(t *testing.T) {
	t.Run("a document above the bound is not read", func(t *testing.T) {
		_, err := Parse("big.yaml", make([]byte, maxSize+1))
		const want = "big.yaml:1: expected at most 1048576 bytes, got 1048577; split the document"
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	})
	t.Run("a thousand errors are shown as twenty", func(t *testing.T) {
		_, err := Parse("bad.yaml", []byte("projects:\n"+strings.Repeat("- x\n", 1000)))
		if err == nil {
			t.Fatal("got no error")
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != maxErrors+1 || lines[maxErrors] != "and 980 more" {
			t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-1])
		}
	})
	t.Run("a bomb of aliases is not expanded", func(t *testing.T) {
		bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
		for c := 'b'; c < 'z'; c++ {
			prev := string(c - 1)
			bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+prev+",", 9) + "]\n"
		}
		if _, err := Parse("bomb.yaml", []byte(bomb)); err == nil {
			t.Error("got no error")
		}
	})
}
