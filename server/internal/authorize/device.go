package authorize

import (
	"errors"
	"net/url"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// ParseDevice reads the request of a device (RFC 8628 §3.1), which has no browser: a person answers it in theirs,
// and is always asked, for they may have been sent the code by somebody else. The parameters are scope, audience
// and resource; nobody is sent anywhere with the answer, so every Refusal is for the device to hear.
func ParseDevice(values url.Values, a Arrival) (Request, *Refusal) {
	r := Request{
		Reply: Reply{Issuer: a.Issuer}, ClientID: a.Client.ID, MaxAge: NoMaxAge, Prompt: PromptConsent, Device: a.Device,
		At: a.At.UTC().Round(0),
	}
	for _, read := range []func(*Request, url.Values, Arrival) (oauth.Code, string){readOnce, readScopes, readTargets} {
		if code, text := read(&r, values, a); text != "" {
			return Request{}, forPage(code, text)
		}
	}
	return r, nil
}

// checkDevice looks at the stored request of a device.
func (r Request) checkDevice() error {
	if r.RedirectURI != "" || r.Mode != "" || r.State != "" {
		return errors.New("expected no address for the answer to a device")
	}
	if !r.Prompt.Has(PromptConsent) {
		return errors.New("expected a device whose person is asked")
	}
	return nil
}
