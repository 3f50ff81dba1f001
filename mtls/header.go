package mtls

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/internal/hops"
)

// maxHeader holds a certificate with an RSA key of 8192 bits and a page of names, in any encoding.
const maxHeader = 16 << 10

// standard refuses unused bits that are set. It still skips line ends, which no header holds and which are
// looked for all the same.
var standard = base64.StdEncoding.Strict()

// parseClientCert reads a byte sequence of structured fields (RFC 8941 §4.2.7) without parameters, as
// RFC 9440 §2.2 wants it.
func parseClientCert(s string) (thumbprint, *x509.Certificate, error) {
	inner, opened := strings.CutPrefix(s, ":")
	inner, closed := strings.CutSuffix(inner, ":")
	if !opened || !closed || strings.ContainsAny(inner, "\r\n") {
		return thumbprint{}, nil, errors.New("want one byte sequence between colons and nothing else")
	}
	der, err := standard.DecodeString(inner)
	if err != nil {
		return thumbprint{}, nil, errors.New("byte sequence is not base64")
	}
	return certificate(der)
}

// certificate returns what must be one certificate and nothing more, with its thumbprint.
func certificate(der []byte) (thumbprint, *x509.Certificate, error) {
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return thumbprint{}, nil, errors.New("not one X.509 certificate in DER")
	}
	return sha256.Sum256(der), parsed, nil
}

// parseXFCC reads the last element of Envoy's header: the certificate of the nearest proxy's client.
func parseXFCC(s string) (sum thumbprint, parsed *x509.Certificate, err error) {
	elements, ok := hops.Split(s, ',')
	if !ok {
		return sum, nil, errors.New("a quote does not end")
	}
	pairs, _ := hops.Split(elements[len(elements)-1], ';')
	var hash, cert string
	for _, pair := range pairs {
		key, value, ok := strings.Cut(strings.Trim(pair, " "), "=")
		if ok {
			value, ok = hops.Unquote(value)
		}
		if !ok {
			return sum, nil, errors.New("element is not made of key=value pairs")
		}
		field := &hash
		switch key = strings.ToLower(key); key {
		case "hash":
		case "cert":
			field = &cert
		case "by", "chain", "subject", "uri", "dns":
			continue
		default:
			return sum, nil, fmt.Errorf("element has the unknown key %.64q", key)
		}
		if *field != "" || value == "" {
			return sum, nil, fmt.Errorf("element has %s twice or empty", key)
		}
		*field = value
	}
	return agreed(hash, cert)
}

// agreed returns the thumbprint that the values of Hash and Cert stand for, as far as they are there.
func agreed(hash, cert string) (sum thumbprint, parsed *x509.Certificate, err error) {
	if hash == "" && cert == "" {
		return sum, nil, errors.New("element has neither Hash nor Cert")
	}
	if cert != "" {
		if sum, parsed, err = parsePEM(cert); err != nil {
			return thumbprint{}, nil, err
		}
	}
	if hash == "" {
		return sum, parsed, nil
	}
	told, err := hex.DecodeString(hash)
	if err != nil || len(told) != len(sum) {
		return thumbprint{}, nil, fmt.Errorf("Hash is %.64q, want a SHA-256 in hexadecimal", hash)
	}
	if cert != "" && thumbprint(told) != sum {
		return thumbprint{}, nil, errors.New("Hash is not that of Cert")
	}
	return thumbprint(told), parsed, nil
}

// parsePEM reads one certificate in PEM that is percent-encoded, as in a URL's path: plus is plus.
func parsePEM(encoded string) (thumbprint, *x509.Certificate, error) {
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return thumbprint{}, nil, errors.New("Cert is not percent-encoded")
	}
	const begin = "-----BEGIN CERTIFICATE-----"
	block, rest := pem.Decode([]byte(text))
	// The decoder looks for the first block that it understands, past any junk.
	if block == nil || !strings.HasPrefix(text, begin) || len(block.Headers) > 0 ||
		strings.Count(text, "-----BEGIN") != 1 || strings.TrimSpace(string(rest)) != "" {
		return thumbprint{}, nil, errors.New("Cert is not one certificate in PEM")
	}
	return certificate(block.Bytes)
}
