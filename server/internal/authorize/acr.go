package authorize

// ACR is how well a login proves who somebody is: the higher, the better (acr, OpenID Connect Core §2).
// Zero is for nobody.
type ACR int

// Levels of a login.
const (
	Password          ACR = iota + 1 // a password alone
	MultiFactor                      // a password and a second factor
	PhishingResistant                // a passkey that verified the person
)

const multiFactorAuth0 = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"

// String returns the name of the level, as the claim acr holds it.
func (a ACR) String() string {
	switch a {
	case Password:
		return "urn:postern:acr:pwd"
	case MultiFactor:
		return "urn:postern:acr:mfa"
	case PhishingResistant:
		return "urn:postern:acr:phr"
	}
	return ""
}

// ParseACR returns the level that a client names; ok is false for a name of nobody's here.
func ParseACR(name string) (level ACR, ok bool) {
	for _, level := range []ACR{Password, MultiFactor, PhishingResistant} {
		if name == level.String() {
			return level, true
		}
	}
	return MultiFactor, name == multiFactorAuth0
}

// wished returns the strongest level that is asked for and can be reached, with the name that it was asked
// for by. What cannot be reached is not tried: acr_values is a wish.
func wished(asked Names, reach ACR) (best ACR, name string) {
	for n := range asked.All() {
		if level, ok := ParseACR(n); ok && level > best && level <= reach {
			best, name = level, n
		}
	}
	return best, name
}
