package mutation

var senderMutants = []mutant{
	{"par: unknown clients", "server/internal/login/pushed.go", `if client.Application == nil {`, `if false {`, withServer},
	{"par: how many wait", "server/internal/login/pushed.go", `case errors.Is(err, store.ErrFull):`, `case false:`, withServer},
	{"par: the key of the proof", "server/internal/login/pushed.go", `ProofKey: r.Proof.Confirmation.Thumbprint, `, ``, withServer},
	{"par: a proof counts once", "server/internal/login/pushed.go", `if err := sender.Use(ctx, tx, r.Proof); err != nil {`, `if err := sender.Use(ctx, tx, oauth.Proof{}); err != nil {`, withServer},
	{"sender: a proof counts once", "server/internal/sender/sender.go", `if errors.Is(err, store.ErrExists) {
		return oauth.Refuse(`, `if err != nil && errors.Is(err, store.ErrExists) {
		return nil
	}
	if false {
		return oauth.Refuse(`, withServer},
	{"sender: a proof counts once at a guard", "server/internal/sender/sender.go", `if errors.Is(err, store.ErrExists) {
		return false, nil`, `if errors.Is(err, store.ErrExists) {
		return true, nil`, withServer},
	{"sender: a bad proof", "server/internal/sender/sender.go", `	case err != nil:
		return "", oauth.Refuse(oauth.InvalidDPoPProof`, `	case err != nil && answer == nil:
		return "", oauth.Refuse(oauth.InvalidDPoPProof`, withServer},
	{"sender: an outage is no bad proof", "server/internal/sender/sender.go", `return fmt.Errorf("sender: recording a proof: %w", err)`, `return fmt.Errorf("sender: recording a proof: %w", oauth.Refuse(oauth.InvalidDPoPProof, "", err))`, withServer},
	{"sender: the URL that clients know", "server/internal/sender/sender.go", `Origin: strings.TrimSuffix(issuer, "/"),`, `Origin: strings.TrimSuffix("", "/"),`, withServer},
	{"sender: no nonce with other refusals", "server/internal/sender/sender.go", `if err == nil && nonce != "" {`, `if nonce != "" {`, withServer},
	{"sender: the nonce of a refusal", "server/internal/sender/sender.go", `r.Reply.Set(headerNonce, answer.Get(headerNonce))`, ``, withServer},
	{"sender: the key of all replicas", "server/senders.go", `config.NonceKey = key`, `config.NonceKey, _ = proposed, key`, withServer},
	{"sender: proofs that a client owes", "server/internal/grant/bind.go", `case to.constraint == store.ConstrainedByProof && !proved:`, `case false:`, withServer},
	{"sender: certificates that a client owes", "server/internal/grant/bind.go", `if errors.Is(err, sender.ErrNoCertificate) {`, `if errors.Is(err, sender.ErrNoCertificate) {
			return nil
		}
		if false {`, withServer},
	{"sender: one key", "server/internal/grant/bind.go", `case to.constraint == store.ConstrainedByCertificate && proved:`, `case false:`, withServer},
	{"sender: refresh tokens of public clients", "server/internal/grant/family.go", `return c.app.Type != store.WebApplication || `, `return `, withServer},
	{"sender: refresh tokens that began without a key", "server/internal/grant/family.go", `if c.renewal || to == (oauth.Confirmation{})`, `if to == (oauth.Confirmation{})`, withServer},
	{"sender: refresh tokens by another key", "server/internal/grant/family.go", `c.renewal && bound != "" && bound != to.confirmation.String()`, `false && bound == ""`, withServer},
	{"sender: a code by another key", "server/internal/grant/family.go", `c.renewal && bound != "" && `, `bound != "" && `, withServer},
	{"sender: the cnf of opaque tokens", "server/internal/accesstoken/mint.go", `Confirmation: d.Confirmation.String(),`, ``, withServer},
	{"sender: the cnf of JWTs", "server/internal/accesstoken/accesstoken.go", `if cnf := d.Confirmation.Claim(); cnf != nil {`, `if cnf := d.Confirmation.Claim(); cnf != nil && false {`, withServer},
	{"sender: a cnf that is read", "server/internal/accesstoken/reader.go", `facts.Confirmation, err = confirmation(value)`, `_, err = confirmation(value)`, withServer},
	{"sender: two keys in a cnf", "server/internal/oauth/confirmation.go", `thumbprint != "" && len(claim) == 1 {`, `thumbprint != "" {`, nil},
	{"sender: userinfo", "server/internal/userinfo/userinfo.go", `Confirmation: facts.Confirmation.Claim(),`, ``, withServer},
	{"certificates: the authority", "server/internal/sender/certificates.go", `	return c.signed(got)
}`, `	return nil
}`, withServer},
	{"certificates: of clients", "server/internal/sender/certificates.go", `KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},`, `KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},`, withServer},
	{"certificates: of now", "server/internal/sender/certificates.go", `CurrentTime: c.now(), `, `CurrentTime: got.X509.NotBefore, `, withServer},
	{"certificates: by thumbprint", "server/internal/sender/certificates.go", `case got.Thumbprint == base64.RawURLEncoding.EncodeToString(want.Thumbprint[:]):`, `case len(base64.RawURLEncoding.EncodeToString(want.Thumbprint[:])) > 0:`, withServer},
	{"certificates: beside other credentials", "server/internal/clients/offer.go", `return o.assertion == "" && !o.header && len(o.passwords) == 0`, `return o.assertion == ""`, withServer},
	{"fapi: the audience of assertions", "server/internal/clients/assertion.go", `case as.list || len(as.audience) != 1 || as.audience[0] != string(r.Issuer):`, `case len(as.audience) != 1 || as.audience[0] != string(r.Issuer):`, withServer},
	{"fapi: the algorithm of assertions", "server/internal/clients/assertion.go", `case !slices.Contains(oauth.AlgorithmsFAPI2, string(as.algorithm)):`, `case false:`, withServer},
	{"fapi: no secrets", "server/internal/clients/clients.go", `if err == nil && client.keepsFAPI() {`, `if false {`, withServer},
	{"fapi: tokens are bound", "server/internal/grant/bind.go", `if app.SenderConstraint == store.NotConstrained && app.Profile == oauth.ProfileFAPI2 {`, `if false {`, withServer},
	{"fapi: APIs with RS256", "server/internal/grant/bind.go", `if alg := t.algorithm(); alg != "" && `, `if alg := t.algorithm(); alg == "none" && `, withServer},
	{"fapi: RS256 of a dialect", "server/internal/grant/bind.go", `		d.Algorithm = jws.ES256
`, ``, withServer},
	{"fapi: ID tokens", "server/internal/idtoken/idtoken.go", `case app.Profile == oauth.ProfileFAPI2:`, `case app.Profile == oauth.ProfileFAPI2 && false:`, withServer},
	{"fapi: refresh tokens stay", "server/internal/grant/family.go", `return c.app.Profile != oauth.ProfileFAPI2 }`, `return true }`, withServer},
	{"fapi: refresh tokens of a family that has ended", "server/internal/grant/refresh.go", `case !family.RevokedAt.IsZero():`, `case false:`, withServer},
	{"fapi: the end of a refresh token", "server/internal/grant/refresh.go", `case !now.Before(token.ExpiresAt), !now.Before(family.ExpiresAt):`, `case false:`, withServer},
	{"assertions: an audience that is not ours", "server/internal/clients/assertion.go", `func(s string) bool { return !slices.Contains(audiences, s) }):`, `func(s string) bool { return len(s) == 0 }):`, withServer},
	{"introspection: answers for another API", "server/internal/introspect/signed.go", `"aud": clientID, `, `"aud": "api", `, withServer},
	{"introspection: who asks for JSON", "server/internal/introspect/signed.go", `if err != nil || media != signedMedia {`, `if err != nil {`, withServer},
}
