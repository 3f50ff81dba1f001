// Package setup makes an authorization server what a YAML document says: its projects, APIs, applications,
// roles and permissions, its service users and people, and what they authenticate with.
//
//	data, err := os.ReadFile("postern.yaml")
//	if err != nil {
//		return err
//	}
//	doc, err := setup.Parse("postern.yaml", data)
//	if err != nil {
//		return err // postern.yaml:12: service_users[0].roles.hello[0]: expected a role …
//	}
//	plan, err := setup.Compare(ctx, store, doc, setup.Options{})
//	if err != nil {
//		return err
//	}
//	fmt.Print(plan) // the dry run ends here: nothing is written yet
//	done, err := plan.Apply(ctx)
//
// A server may run on the same store. Applying is idempotent: a second time there is nothing to do.
//
// The way is from the document (package document) by a plan to the registry, which alone writes. The files are
// in that order, from what happens last to what it stands on: apply.go, compare.go, what is compared
// (applications.go, people.go, assignments.go, keys.go, certificates.go, tokens.go, secrets.go, passwords.go, prune.go), the files that hold what is handed out
// (keyfile.go, output.go), comparison.go, plan.go, work.go, file.go.
//
// # The document
//
// Every field but a name may be left out. A complete document:
//
//	organization: {name: Example, primary_domain: example.localhost} # both appear in the roles claim
//
//	projects:
//	  - name: hello
//	    was: hallo                # its earlier name: it is renamed and not made anew
//	    active: true              # false: no tokens for it, none accepted
//	    roles:                    # exactly these; a key, or a key with a name for people
//	      - read:messages
//	      - {key: admin, name: Administrators}
//	    id_file: generated/project-id
//	    apis:
//	      - name: messages
//	        identifier: https://hello.example.com # the audience; without it the project's id is
//	        client_id: messages@hello             # for introspection; else <id>@<project> is made
//	        client_id_file: generated/messages-client-id
//	        token: rfc9068_authz
//	        signing_algorithm: RS256
//	        token_lifetime: 15m
//	        permissions: [read:messages, write:messages] # as roles
//	        active: true
//	        secrets:
//	          - secret_file: secrets/messages.txt
//	        keys:
//	          - key_file: secrets/messages-key.json
//	        certificates:         # of its TLS connections: each by its SHA-256, or by the one name that authorities sign
//	          - thumbprint: A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0
//	          - san_dns: messages.example.com # or subject_dn, san_uri, san_email, san_ip
//	    applications:
//	      - name: shop
//	        type: web                 # browser and native keep no secret, web does
//	        client_id: shop           # else <id>@<project> is made
//	        client_id_file: generated/shop-client-id
//	        redirect_uris:            # compared byte for byte; with https, or http on loopback
//	          - https://shop.example.com/callback
//	        logout_uris: [https://shop.example.com/] # the first is where a logout leads that names none
//	        allowed_origins: [https://shop.example.com]
//	        initiate_login_uri: https://shop.example.com/login # where a page that is too old leads
//	        backchannel_logout_uri: https://shop.example.com/logged-out
//	        grants: [authorization_code, refresh_token] # these, unless it says otherwise
//	        first_party: true         # its people are not asked for consent
//	        insecure_no_pkce: false   # true: it may send no code challenge; for type web alone
//	        sender_constraint: dpop   # access tokens only with a DPoP proof; certificate: bound to its TLS certificate
//	        id_token_lifetime: 1h
//	        id_token_algorithm: RS256
//	        id_token_claims: full     # minimal: name and e-mail are at the userinfo endpoint alone
//	        userinfo_algorithm: RS256 # userinfo answers it in signed JWTs; left out: in JSON
//	        refresh_idle: 720h        # what ends a refresh token that is not used
//	        refresh_lifetime: 2160h   # what ends all refresh tokens of a login
//	        refresh_ends_with_session: false # else true for type browser
//	        active: true              # false: nobody logs in to it, and its tokens have ended
//	        secrets:                  # for type web, as keys are
//	          - secret_file: secrets/shop.txt
//	        keys:
//	          - key_file: secrets/shop-key.json
//	        certificates:
//	          - {subject_dn: "CN=shop,O=Example"}
//	      - name: bank
//	        type: web
//	        profile: fapi2            # held to the FAPI 2.0 Security Profile: it has no secret, and no RS256
//	        redirect_uris: [https://bank.example.com/callback]
//	        keys:
//	          - {key_file: secrets/bank-key.json, algorithm: ES256}
//
//	users:                         # people; what is left out of one but active, roles and permissions stays theirs
//	  - login: anna                # a name, or an e-mail address; was renames it too, and applications
//	    email: anna@example.com
//	    email_verified: true       # then it is as good as the login
//	    name: Anna Berg
//	    given_name: Anna
//	    family_name: Berg
//	    nickname: annie
//	    locale: de
//	    active: true               # false: locked, and logged out everywhere
//	    roles: {hello: [admin]}    # as those of service users
//	    permissions: {messages: [read:messages]}
//	    id_file: generated/anna-id
//	    password_file: secrets/anna.txt
//
//	service_users:
//	  - username: reporter       # also its client_id; was renames it too, and APIs
//	    name: Weekly report
//	    active: true             # false: no tokens for it, none accepted
//	    sender_constraint: certificate # as of applications
//	    token: opaque
//	    grants:                  # these and the JWT bearer grant, unless it says otherwise
//	      - client_credentials
//	      - urn:ietf:params:oauth:grant-type:token-exchange
//	    roles: {hello: [read:messages]}  # by project; exactly these
//	    permissions:                     # by identifier or name of an API, or project/name; exactly these
//	      https://hello.example.com: []  # no rights, tokens only
//	    id_file: generated/reporter-id
//	    secrets:
//	      - {secret_file: secrets/reporter.txt, expires: 8760h}
//	    keys:
//	      - key_file: secrets/reporter-key.json
//	        algorithm: ES256      # RS256 (the default), ES256 or EdDSA
//	        compatibility: false  # true: assertions may live an hour and need no jti
//	        expires: 2040-01-01T00:00:00Z
//	    personal_access_tokens:
//	      - name: cron
//	        token_file: secrets/reporter-pat.txt
//	        expires: 720h                 # from its making on; a time may be past, for tests
//	        audience: [hello]             # projects and APIs; without it all that the user has grants on
//
// The field token is the shape of access tokens: opaque, access_token, access_token_authz (Auth0's, the
// latter with permissions), zitadel or jwt (ZITADEL's), rfc9068, rfc9068_authz. Without it an API leaves
// the choice to the service user, and a service user gets opaque ones.
//
// A field that is left out has its default, also where the store says otherwise; only a client_id stays
// as it is. An object that the document does not name stays, unless Options.Prune is set: then whole
// projects, APIs and service users go, and of those in the document the secrets, keys and personal access
// tokens that it does not name. References lead to objects of the same document.
//
// Keys of roles and permissions are scope tokens (RFC 6749 §3.3) other than the standard scopes and what
// starts with urn:zitadel:. Usernames and client ids are made of letters, digits and ._~@-, logins also of +.
//
// A redirect or log-out URI is absolute, without a fragment or a star: https, http on 127.0.0.1, [::1] or
// localhost, and for type native a private scheme with a dot, such as com.example.shop:/callback (RFC 8252). An
// origin is what a browser sends, without a path.
//
// Pruning deletes people that the document does not name only if it names any.
//
// # The files
//
// Secrets, keys, tokens and passwords are made here and known to nobody: each is written once to its file, which is
// readable by its owner alone (mode 0600, a new folder 0700), and is never overwritten. A relative path
// starts from the document's folder. The content says which row a file belongs to:
//
//   - no file: a new secret, key or token is made and written;
//   - a file whose content the store knows for this owner: nothing to do;
//   - any other file: an error, and nothing is changed.
//
// So a new secret is had by removing the file. The old one stays good until it is pruned. To replace one
// without a gap, add an entry with another file, apply, hand it out, remove the old entry, and prune.
//
// In place of password_file there may be an invitation_file: a link by which the person chooses a password. It leads
// to an issuer of the server, which Options name, and works for 7 days and once. Who has a password is invited no
// more, whatever the document says.
//
// A password is one alone: the new one replaces the old one, and logs its person out. Take password_file out of
// the document when the password has been handed out, for then it is theirs to change.
//
// A secret's, token's or password's file holds it with a line end. A key's file is ZITADEL's JSON: type
// (serviceaccount or application), keyId, key, and userId or clientId and appId; an RSA key is in PKCS #1,
// others in PKCS #8. An id file holds an id that others must be told: it is not a secret, and it is not
// overwritten either.
package setup

import "github.com/postern-auth/postern/server/internal/document"

// Document is a parsed and checked set-up. It is immutable and safe for concurrent use; make one with Parse. The
// zero value is not one.
type Document struct {
	parsed *document.Document
}

// Parse reads a document. It is strict: an unknown field, a field given twice, a wrong type, an alias and a
// reference to nothing are errors, each with file, line and field:
//
//	postern.yaml:12: service_users[0].roles.hello[0]: expected a role of project "hello", got "read:mesages"
//
// The error joins all that is wrong, up to 20 lines. The file name is what errors show, and its folder is where
// relative paths start from; Parse opens no file.
func Parse(fileName string, data []byte) (*Document, error) {
	doc, err := document.Parse(fileName, data)
	if err != nil {
		return nil, err
	}
	return &Document{parsed: doc}, nil
}
