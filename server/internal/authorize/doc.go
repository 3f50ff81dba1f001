// Package authorize decides what becomes of an authorization request (RFC 6749 §4.1, OpenID Connect Core
// §3.1.2). It holds no state, renders nothing and answers nobody: it turns values into values, and those
// that serve pages and keep rows carry out what it says.
//
// A request is read once. What comes out never changes and can be kept while pages are shown:
//
//	id, refusal := authorize.ClientID(query)
//	client, err := …                                       // by its id; unknown: authorize.UnknownClient
//	request, refusal := authorize.Parse(query, authorize.Arrival{Issuer: issuer, Client: client, At: now})
//	switch {
//	case refusal == nil:
//	case refusal.ForPage():
//		showError(w, refusal.Text)                         // client or redirect URI cannot be trusted
//	default:
//		send(w, refusal.Reply.Refuse(refusal.Code, refusal.Text, authorize.AfterGet))
//	}
//
// What the person does about it is added to Facts, and after each of their answers, as at the beginning,
// Next says what comes next:
//
//	switch step := authorize.Next(request, session, client, user, facts, now).(type) {
//	case authorize.Login:
//		showLogin(w, step)
//	case authorize.SecondFactor, authorize.ChooseAccount, authorize.AskConsent:
//		…
//	case authorize.Issue:
//		send(w, request.Code(newCode(step), authorize.AfterForm))
//	case authorize.Refuse:
//		send(w, request.Refuse(step.Code, step.Text, authorize.AfterForm))
//	}
//
// Not done here: finding the client and resolving targets, verifying id_token_hint and DPoP proofs,
// resolving a request_uri of a pushed request, and whether the person may have what the scopes name.
package authorize
