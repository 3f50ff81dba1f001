package page

import (
	"errors"
	"time"
)

// A Permission is one line of what is asked for.
type Permission struct {
	// Key is the scope or permission as the application sent it.
	Key string
	// Description says what it allows, in the words of whoever runs the API. Empty: the key stands for itself.
	Description string
	// API is the name of the API it belongs to.
	API string
	// Given says that the person allowed it before.
	Given bool
}

// Asked is what an application will be able to do.
type Asked struct {
	// Profile, Email, Phone and Address are the standard scopes of these names (OpenID Connect Core §5.4).
	Profile, Email, Phone, Address bool
	// ClaimsGiven says that the person allowed those before.
	ClaimsGiven bool
	// Offline is offline_access: the application may go on while the person is away.
	Offline, OfflineGiven bool
	Permissions           []Permission
}

// New returns what was not allowed before.
func (a Asked) New() Asked { return a.part(false) }

// Known returns what was allowed before.
func (a Asked) Known() Asked { return a.part(true) }

func (a Asked) part(given bool) Asked {
	var part Asked
	if a.ClaimsGiven == given {
		part.Profile, part.Email, part.Phone, part.Address = a.Profile, a.Email, a.Phone, a.Address
	}
	part.Offline = a.Offline && a.OfflineGiven == given
	for _, p := range a.Permissions {
		if p.Given == given {
			part.Permissions = append(part.Permissions, p)
		}
	}
	return part
}

// Empty reports whether nothing is asked for but to know who somebody is.
func (a Asked) Empty() bool {
	return !(a.Profile || a.Email || a.Phone || a.Address || a.Offline) && len(a.Permissions) == 0
}

// Consent asks a person whether an application may act for them. It posts answer=allow or answer=refuse.
type Consent struct {
	Authorization
	Action string
	Person Person
	// Switch is the path by which another account is chosen. Empty: not offered.
	Switch string
	Asked  Asked
	// FirstParty applications are made by whoever runs the server.
	FirstParty bool
	// Loopback says that ReturnsTo is a program on the person's own machine, which anybody there can be.
	Loopback bool
	// PublishedAt is the host at which the application says of itself who it is. Empty: an operator has said it, or nobody.
	PublishedAt string
	// Account is the path of the page where a consent is taken back.
	Account string
}

func (p Consent) shape() shape { return p.card("consent", Problem{}) }

// DeviceCode asks for the code that a device shows (RFC 8628 §3.3). It posts user_code.
type DeviceCode struct {
	Action string
	// Code fills the field: what was typed, or what verification_uri_complete carried.
	Code    string
	Problem Problem
}

func (p DeviceCode) shape() shape { return Authorization{}.card("device_code", p.Problem) }

// DeviceConsent asks whether a device may act for a person. It posts answer=allow or answer=refuse.
type DeviceConsent struct {
	Application string
	Action      string
	Person      Person
	Asked       Asked
	Code        string
	// Address is from where the device asked, At when.
	Address string
	At      time.Time
}

func (p DeviceConsent) shape() shape { return Authorization{}.card("device_consent", Problem{}) }

func (p DeviceConsent) check() error {
	if p.At.IsZero() {
		return errors.New("the time at which the device asked is missing")
	}
	return nil
}
