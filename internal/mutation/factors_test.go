package mutation

// factorMutants are the checks of what people prove who they are with beside a password.
var factorMutants = []mutant{
	{"factors: a code once", "server/store/internal/sqlstore/factors.go", `AND secret = $2 AND last_step < $3`, `AND secret = $2`, withStore},
	{"factors: a code of the app that is there", "server/store/internal/sqlstore/factors.go", `user_id = $1 AND secret = $2 AND last_step`, `user_id = $1 AND length($2) > 0 AND last_step`, withStore},
	{"factors: a recovery code once", "server/store/internal/sqlstore/factors.go", `digest = $2 AND used_at IS NULL`, `digest = $2`, withStore},
	{"factors: former recovery codes go", "server/store/internal/sqlstore/factors.go", `DELETE FROM recovery_codes WHERE user_id = $1`, `DELETE FROM recovery_codes WHERE user_id = $1 AND used_at IS NOT NULL`, withStore},
	{"factors: the count of a passkey", "server/store/internal/sqlstore/factors.go", `WHERE id = $1 AND (sign_count < $2 OR sign_count = 0 AND $2 = 0)`, `WHERE id = $1`, withStore},
	{"factors: a passkey that counts nothing", "server/store/internal/sqlstore/factors.go", ` OR sign_count = 0 AND $2 = 0)`, `)`, withStore},
	{"factors: whose passkey is removed", "server/store/internal/sqlstore/factors.go", `DELETE FROM passkeys WHERE user_id = $1 AND id = $2`, `DELETE FROM passkeys WHERE length($1) > 0 AND id = $2`, withStore},
	{"factors: a challenge that has expired", "server/store/internal/sqlstore/factors.go", `WHERE key = $1 AND expires_at > $2`, `WHERE key = $1 AND length($2) > 0`, withStore},
	{"factors: challenges are swept", "server/store/internal/sqlstore/expiry.go", "\tdeletion(\"challenges\", \"key\", \"expires_at\"),\n", "", withStore},
	{"seal: the purpose", "server/internal/seal/seal.go", `k.derive("seal " + purpose)`, `k.derive("seal ")`, nil},
	{"seal: the owner", "server/internal/seal/seal.go", `return append(append([]byte(nil), head...), owner...)`, `return append([]byte(nil), head...)`, nil},
	{"seal: the purpose of a mark", "server/internal/seal/seal.go", `k.derive("mark "+purpose)`, `k.derive("mark ")`, nil},
	{"seal: the lengths of what is marked", "server/internal/seal/seal.go", `binary.Write(mac, binary.BigEndian, uint64(len(value)))`, `binary.Write(mac, binary.BigEndian, []byte{})`, nil},
	{"seal: the mark", "server/internal/seal/seal.go", `hmac.Equal(mark, each.mark(purpose, values))`, `hmac.Equal(each.mark(purpose, values), each.mark(purpose, values))`, nil},
	{"passkeys: the person is verified", "server/internal/passkey/passkey.go", `session.UserVerification != protocol.VerificationRequired || `, ``, nil},
	{"passkeys: the host of the ceremony", "server/internal/passkey/passkey.go", ` || session.RelyingPartyID != rp.ID {`, ` {`, nil},
	{"passkeys: the host of the passkey", "server/internal/passkey/passkey.go", `case passkey.RPID != rp.ID:`, `case false:`, withServer},
	{"passkeys: http", "server/internal/passkey/passkey.go", `if u.Scheme != "https" && !(u.Scheme == "http" && local) {`, `if u.Scheme != "https" && u.Scheme != "http" && !local {`, nil},
	{"passkeys: outages", "server/internal/passkey/passkey.go", `case outage != nil:`, `case false:`, nil},
	{"passkeys: the length of an answer to a login", "server/internal/passkey/passkey.go", "\tif len(answer) > MaxAnswer {\n\t\treturn Use{}", "\tif false {\n\t\treturn Use{}", withServer},
	{"passkeys: the challenge is taken", "server/internal/login/passkey.go", `l.Store.TakeChallenge(ctx, requestKey(s), s.now)`, `l.Store.Challenge(ctx, requestKey(s))`, withServer},
	{"passkeys: locked people", "server/internal/login/passkey.go", `if err == nil && !user.Active {`, `if false {`, withServer},
	{"passkeys: whose is the second factor", "server/internal/login/passkey.go", `if err == nil && second && user.ID != s.person.user.ID {`, `if false {`, withServer},
	{"passkeys: the count of a login", "server/internal/login/passkey.go", `return gone(tx.UsePasskey(ctx, use.ID, use.SignCount, use.Record, s.now), errCopied)`, `return nil`, withServer},
	{"second factor: the code is used", "server/internal/login/factor.go", `if err := gone(fits.use(s.Context(), tx), errCode); err != nil {`, `if err := error(nil); err != nil {`, withServer},
	{"second factor: another cookie", "server/internal/session/session.go", `next.Digest, next.Methods = value.Digest(), slices.Concat(former.Methods, proofs)`, `next.Digest, next.Methods = former.Digest, slices.Concat(former.Methods, proofs); value = browser.Value{}`, withServer},
	{"second factor: delays", "server/internal/login/factor.go", `case !permit.Allowed:`, `case false:`, withServer},
	{"second factor: five failures", "server/internal/login/factor.go", `if failures < endsLogin {`, `if failures < 500 {`, withServer},
	{"second factor: twenty failures", "server/internal/login/factor.go", `if failures < endsSession {`, `if failures < 500 {`, withServer},
	{"second factor: told once a day", "server/internal/login/factor.go", `if err != nil || !permit.Allowed {
		return err
	}
	if err := tx.EndAttempt(ctx, key, false`, `if err != nil || !permit.Allowed && false {
		return err
	}
	if err := tx.EndAttempt(ctx, key, true`, withServer},
	{"second factor: unused recovery codes", "server/internal/login/factor.go", `return unused(c) && c.Digest == digest`, `return c.Digest == digest`, withServer},
	{"second factor: what is demanded of a passkey", "server/internal/login/goon.go", `case answer == "login" && s.person.hasTOTP() && step.ACR <= authorize.MultiFactor:`, `case answer == "login":`, withServer},
	{"known browsers: the mark", "server/internal/login/known.go", `if err != nil || !l.Keys.Marked(`, `if err != nil || !l.Keys.Any() && !l.Keys.Marked(`, withServer},
	{"known browsers: the issuer", "server/internal/login/known.go", `knownPurpose, string(r.Issuer), parts[0]`, `knownPurpose, parts[0]`, withServer},
	{"known browsers: their time", "server/internal/login/known.go", `return k, l.Now().Before(k.at.Add(knownFor))`, `return k, true`, withServer},
	{"account: the draft of another session", "server/internal/account/secondfactor.go", `+ what + ":" + v.session.ID }`, `+ what + ":" + v.user.ID }`, withServer},
	{"account: the time of a draft", "server/internal/account/secondfactor.go", ` || err == nil && !v.now.Before(waiting.ExpiresAt) {`, ` {`, withServer},
	{"account: the code of a new app", "server/internal/account/secondfactor.go", `if !right {`, `if !right && false {`, withServer},
	{"account: the step of a new app's code", "server/internal/account/secondfactor.go", `LastStep: step, CreatedAt`, `LastStep: 0 * step, CreatedAt`, withServer},
	{"account: fresh logins to turn codes off", "server/internal/account/account.go", `do: a.turnOff, fresh: true}`, `do: a.turnOff}`, withServer},
	{"account: fresh logins to remove passkeys", "server/internal/account/account.go", `do: a.removePasskey, fresh: true}`, `do: a.removePasskey}`, withServer},
	{"account: the challenge of a new passkey", "server/internal/account/passkeys.go", `a.Store.TakeChallenge(v.Context(), draft(v, "passkey"), v.now)`, `a.Store.Challenge(v.Context(), draft(v, "passkey"))`, withServer},
	{"registry: the last way in", "server/internal/registry/factors.go", `} else if !found && len(left) == 0 {`, `} else if false && !found && len(left) == 0 {`, withServer},
	{"registry: what else is logged in ends with a passkey", "server/internal/registry/factors.go", "		return ErrLastWayIn\n	}\n	return r.endOthers(ctx, u.ID, next.Digest, factorRemoved)", "		return ErrLastWayIn\n	}\n	return nil", withServer},
	{"registry: what else is logged in ends with a second factor", "server/internal/registry/factors.go", "secondFactor(u), nil); err != nil {\n		return err\n	}\n	return r.endOthers(ctx, u.ID, next.Digest, factorRemoved)", "secondFactor(u), nil); err != nil {\n		return err\n	}\n	return nil", withServer},
}
