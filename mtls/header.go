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
)

// maxHeader holds a certificate with an RSA key of 8192 bits and a page of names, in any encoding.
const maxHeader = 16 << 10

var errNoCertificate = errors.New("connection has no client certificate")

// standard refuses unused bits that are set. It still skips line ends, which no header holds and which are
// looked for all the same.
var standard = base64.StdEncoding.Strict()

// parseClientCert reads a byte sequence of structured fields (RFC 8941 §4.2.7) without parameters, as
// RFC 9440 §2.2 wants it.
func parseClientCert(s string) (thumbprint, error) {
	inner, opened := strings.CutPrefix(s, ":")
	inner, closed := strings.CutSuffix(inner, ":")
	if !opened || !closed || strings.ContainsAny(inner, "\r\n") {
		return thumbprint{}, errors.New("want one byte sequence between colons and nothing else")
	}
	der, err := standard.DecodeString(inner)
	if err != nil {
		return thumbprint{}, errors.New("byte sequence is not base64")
	}
	return certificate(der)
}

// certificate returns the thumbprint of what must be one certificate and nothing more.
func certificate(der []byte) (thumbprint, error) {
	if _, err := x509.ParseCertificate(der); err != nil {
		return thumbprint{}, errors.New("not one X.509 certificate in DER")
	}
	return sha256.Sum256(der), nil
}

// parseXFCC reads the last element of Envoy's header: the certificate of the nearest proxy's client.
func parseXFCC(s string) (sum thumbprint, err error) {
	elements, ok := split(s, ',')
	if !ok {
		return sum, errors.New("a quote does not end")
	}
	pairs, _ := split(elements[len(elements)-1], ';')
	var hash, cert string
	for _, pair := range pairs {
		key, value, ok := strings.Cut(strings.Trim(pair, " "), "=")
		if ok {
			value, ok = unquote(value)
		}
		if !ok {
			return sum, errors.New("element is not made of key=value pairs")
		}
		field := &hash
		switch key = strings.ToLower(key); key {
		case "hash":
		case "cert":
			field = &cert
		case "by", "chain", "subject", "uri", "dns":
			continue
		default:
			return sum, fmt.Errorf("element has the unknown key %.64q", key)
		}
		if *field != "" || value == "" {
			return sum, fmt.Errorf("element has %s twice or empty", key)
		}
		*field = value
	}
	return agreed(hash, cert)
}

// agreed returns the thumbprint that the values of Hash and Cert stand for, as far as they are there.
func agreed(hash, cert string) (sum thumbprint, err error) {
	if hash == "" && cert == "" {
		return sum, errors.New("element has neither Hash nor Cert")
	}
	if cert != "" {
		if sum, err = parsePEM(cert); err != nil {
			return thumbprint{}, err
		}
	}
	if hash == "" {
		return sum, nil
	}
	told, err := hex.DecodeString(hash)
	if err != nil || len(told) != len(sum) {
		return thumbprint{}, fmt.Errorf("Hash is %.64q, want a SHA-256 in hexadecimal", hash)
	}
	if cert != "" && thumbprint(told) != sum {
		return thumbprint{}, errors.New("Hash is not that of Cert")
	}
	return thumbprint(told), nil
}

// parsePEM reads one certificate in PEM that is percent-encoded, as in a URL's path: plus is plus.
func parsePEM(encoded string) (thumbprint, error) {
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return thumbprint{}, errors.New("Cert is not percent-encoded")
	}
	const begin = "-----BEGIN CERTIFICATE-----"
	block, rest := pem.Decode([]byte(text))
	// The decoder looks for the first block that it understands, past any junk.
	if block == nil || !strings.HasPrefix(text, begin) || block.Type != "CERTIFICATE" || len(block.Headers) > 0 ||
		strings.Count(text, "-----BEGIN") != 1 || strings.TrimSpace(string(rest)) != "" {
		return thumbprint{}, errors.New("Cert is not one certificate in PEM")
	}
	return certificate(block.Bytes)
}

// split cuts s at each separator that stands outside of quotes. It is false when a quote does not end.
func split(s string, separator byte) (parts []string, ok bool) {
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == separator && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:]), !quoted
}

// unquote returns what a value stands for, quoted or bare, and false for what is neither.
func unquote(s string) (string, bool) {
	inner, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		return s, strings.IndexByte(s, '"') < 0
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return b.String(), i == len(inner)-1
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
		}
		b.WriteByte(inner[i])
	}
	return "", false
}
