package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/internal/vectors"
)

func TestP1_ProofsThatDoNotHoldAreRefused(t *testing.T) {
	rows := []struct {
		name   string
		change func(*forged)
		says   string
	}{
		{"the type is missing", func(f *forged) { delete(f.header, "typ") }, "typ"},
		{"the type is JWT", func(f *forged) { f.header["typ"] = "JWT" }, `typ is "jwt", want "dpop+jwt"`},
		{"the type is that of an access token", func(f *forged) { f.header["typ"] = "at+jwt" }, "typ"},
		{"the algorithm is missing", func(f *forged) { delete(f.header, "alg") }, "no alg"},
		{"the algorithm is none", func(f *forged) { f.header["alg"] = "none" }, "alg"},
		{"the algorithm is symmetric", func(f *forged) { f.header["alg"] = "HS256" }, "alg"},
		{"the algorithm is not in the list", func(f *forged) { f.header["alg"] = "ES512" }, `alg is "ES512"`},
		{"the algorithm is not that of the key", func(f *forged) { f.header["alg"] = "ES256" }, "does not fit"},
		{"the key is missing", func(f *forged) { delete(f.header, "jwk") }, "no jwk"},
		{"the key is null", func(f *forged) { f.header["jwk"] = nil }, "jwk"},
		{"the key is a string", func(f *forged) { f.header["jwk"] = "key" }, "jwk"},
		{"the key is private", func(f *forged) {
			key := jwk(owner)
			key["d"] = b64(owner.Seed())
			f.header["jwk"] = key
		}, "secret member d"},
		{"the key is symmetric", func(f *forged) { f.header["jwk"] = map[string]any{"kty": "oct", "k": "AAAA"} }, "jwk"},
		{"the key is for encryption", func(f *forged) {
			key := jwk(owner)
			key["use"] = "enc"
			f.header["jwk"] = key
		}, "jwk"},
		{"the key is another's, who signed", func(f *forged) {
			f.header["jwk"], f.key = jwk(stranger), stranger
		}, "the proof's key"},
		{"the key is the owner's and another signed", func(f *forged) { f.key = stranger }, "signature"},
		{"the header is critical about something", func(f *forged) { f.header["crit"] = []string{"exp"} }, "crit"},
		{"the header has two types", func(f *forged) {
			f.headerText = `{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"` +
				b64(owner.Public().(ed25519.PublicKey)) + `"}}`
		}, "header"},

		{"the id is missing", func(f *forged) { delete(f.claims, "jti") }, "no jti"},
		{"the id is empty", func(f *forged) { f.claims["jti"] = "" }, "no jti"},
		{"the id is a number", func(f *forged) { f.claims["jti"] = 7 }, "jti is not a string"},
		{"the id is null", func(f *forged) { f.claims["jti"] = nil }, "jti is not a string"},
		{"the id has 257 bytes", func(f *forged) { f.claims["jti"] = strings.Repeat("x", 257) }, "jti is longer"},
		{"the method is missing", func(f *forged) { delete(f.claims, "htm") }, "no htm"},
		{"the method is another", func(f *forged) { f.claims["htm"] = "POST" }, `htm is "POST", want "GET"`},
		{"the method is in lower case", func(f *forged) { f.claims["htm"] = "get" }, "htm"},
		{"the method is a list", func(f *forged) { f.claims["htm"] = []string{"GET"} }, "htm is not a string"},
		{"the URL is missing", func(f *forged) { delete(f.claims, "htu") }, "no htu"},
		{"the URL has another path", func(f *forged) { f.claims["htu"] = apiURL + "/" }, "htu"},
		{"the URL has another host", func(f *forged) { f.claims["htu"] = "https://evil.example.com/orders" }, "htu"},
		{"the URL has another scheme", func(f *forged) { f.claims["htu"] = "http://api.example.com/orders" }, "htu"},
		{"the URL has another port", func(f *forged) { f.claims["htu"] = "https://api.example.com:8443/orders" }, "htu"},
		{"the URL is relative", func(f *forged) { f.claims["htu"] = "/orders" }, "htu"},
		{"the URL names a user", func(f *forged) { f.claims["htu"] = "https://api.example.com@evil.example/orders" }, "htu"},
		{"the URL is a list", func(f *forged) { f.claims["htu"] = []string{apiURL} }, "htu is not a string"},
		{"the time is missing", func(f *forged) { delete(f.claims, "iat") }, "no iat"},
		{"the time is a string", func(f *forged) { f.claims["iat"] = "1780315200" }, "iat"},
		{"the time is null", func(f *forged) { f.claims["iat"] = nil }, "iat"},
		{"the time is negative", func(f *forged) { f.claims["iat"] = -1 }, "iat"},
		{"the time is an hour ago", func(f *forged) { f.claims["iat"] = start.Add(-time.Hour).Unix() }, "iat"},
		{"the time is in an hour", func(f *forged) { f.claims["iat"] = start.Add(time.Hour).Unix() }, "iat"},
		{"the time is a second too long ago", func(f *forged) { f.claims["iat"] = start.Add(-time.Minute - time.Second).Unix() }, "iat"},
		{"the time is a second too far ahead", func(f *forged) { f.claims["iat"] = start.Add(time.Minute + time.Second).Unix() }, "iat"},
		{"the hash of the token is missing", func(f *forged) { delete(f.claims, "ath") }, "ath"},
		{"the hash is empty", func(f *forged) { f.claims["ath"] = "" }, "ath"},
		{"the hash is of another token", func(f *forged) { f.claims["ath"] = ath("another") }, "ath"},
		{"the hash is a number", func(f *forged) { f.claims["ath"] = 1 }, "ath is not a string"},
		{"the hash is padded", func(f *forged) { f.claims["ath"] = ath(rawToken) + "=" }, "ath"},
		{"a claim stands twice", func(f *forged) {
			f.claimsText = `{"jti":"a","htm":"POST","htm":"GET","htu":"` + apiURL + `","iat":1780315200,"ath":"` + ath(rawToken) + `"}`
		}, "claims"},
		{"a claim is written in capitals", func(f *forged) {
			f.claims["HTM"] = f.claims["htm"]
			delete(f.claims, "htm")
		}, "no htm"},
		{"the claims are a list", func(f *forged) { f.claimsText = `[]` }, "claims"},
		{"the claims are not UTF-8", func(f *forged) { f.claimsText = "{\"jti\":\"\xff\"}" }, "claims"},

		{"the request has another method", func(f *forged) { f.request.Method = "DELETE" }, "htm"},
		{"the request is for the server as a whole", func(f *forged) {
			f.request.RequestURI = "*"
			f.request.Method, f.claims["htm"] = "OPTIONS", "OPTIONS"
		}, "no path"},
		{"the request asks for a tunnel", func(f *forged) {
			f.request.RequestURI = "api.example.com:443"
			f.request.Method, f.claims["htm"] = "CONNECT", "CONNECT"
		}, "URL of the request"},
		{"the request has no host", func(f *forged) { f.request.Host = "" }, "no host"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := forge()
			row.change(f)
			err := check(t, dpop.New(atStart()), f.request, f.sign(t))
			if !errors.Is(err, postern.ErrProof) {
				t.Fatalf("error is %v, want one that wraps ErrProof", err)
			}
			if !strings.HasPrefix(err.Error(), "dpop: ") || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %q does not say %q", err, row.says)
			}
		})
	}
}

func TestP1_HeadersThatHoldNoSingleProofAreRefused(t *testing.T) {
	good := forge().sign(t)
	head, rest, _ := strings.Cut(good, ".")
	large := forge()
	large.claims["more"] = strings.Repeat("x", 8<<10)
	rows := []struct {
		name   string
		proofs []string
	}{
		{"there is none", nil},
		{"it is empty", []string{""}},
		{"there are two", []string{good, good}},
		{"the second is empty", []string{good, ""}},
		{"two stand in one header", []string{good + ", " + good}},
		{"it is larger than a proof ever is", []string{large.sign(t)}},
		{"it has two parts", []string{rest}},
		{"it has four parts", []string{good + ".x"}},
		{"the signature is missing", []string{good[:strings.LastIndexByte(good, '.')+1]}},
		{"it is padded", []string{good + "="}},
		{"the header is garbage", []string{"garbage." + rest}},
		{"a line ends inside", []string{head + "\r\n." + rest}},
		{"it has a thousand dots", []string{strings.Repeat(".", 1000)}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if err := check(t, dpop.New(atStart()), forge().request, row.proofs...); !errors.Is(err, postern.ErrProof) {
				t.Errorf("error is %v, want one that wraps ErrProof", err)
			}
		})
	}
}

func TestP1_ProofsThatHoldPass(t *testing.T) {
	rows := []struct {
		name   string
		change func(*forged)
	}{
		{"as it is", func(*forged) {}},
		{"the request has a query and the URL has none", func(f *forged) { f.request = httptest.NewRequest("GET", apiURL+"?page=2", nil) }},
		{"the URL has a query and the request has none", func(f *forged) { f.claims["htu"] = apiURL + "?page=2" }},
		{"the URL has a fragment", func(f *forged) { f.claims["htu"] = apiURL + "#top" }},
		{"the URL is spelled otherwise", func(f *forged) { f.claims["htu"] = "HTTPS://API.Example.com:443/%6frders" }},
		{"the time is ten seconds ago", func(f *forged) { f.claims["iat"] = start.Add(-10 * time.Second).Unix() }},
		{"the time is in ten seconds", func(f *forged) { f.claims["iat"] = start.Add(10 * time.Second).Unix() }},
		{"the time is at the window's beginning", func(f *forged) { f.claims["iat"] = start.Add(-time.Minute).Unix() }},
		{"the time is at the window's end", func(f *forged) { f.claims["iat"] = start.Add(time.Minute).Unix() }},
		{"the time has a fraction", func(f *forged) { f.claims["iat"] = float64(start.Unix()) + 0.25 }},
		{"the id has 256 bytes", func(f *forged) { f.claims["jti"] = strings.Repeat("x", 256) }},
		{"there are claims that mean nothing here", func(f *forged) {
			f.claims["nonce"], f.claims["exp"], f.claims["deep"] = "unasked", "never", []any{map[string]any{"x": nil}}
		}},
		{"the algorithm is named Ed25519", func(f *forged) { f.header["alg"] = "Ed25519" }},
		{"a router has cut the path", func(f *forged) { f.request.URL.Path = "/" }},
		{"the request was made by hand, without a request line", func(f *forged) { f.request.RequestURI = "" }},
		{"the request line has an absolute URL", func(f *forged) { f.request.RequestURI = apiURL }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := forge()
			row.change(f)
			if err := check(t, dpop.New(atStart()), f.request, f.sign(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestP1_TokensThatAreNotBoundToAKeyAreRefused(t *testing.T) {
	f := forge()
	f.request.Header.Set("DPoP", f.sign(t))
	b := dpop.New(atStart())
	presentation := postern.Presentation{Request: f.request, Scheme: "DPoP", Raw: rawToken, Answer: make(http.Header)}
	if err := b.Check(t.Context(), presentation, postern.NewToken(postern.TokenData{})); !errors.Is(err, postern.ErrBinding) {
		t.Errorf("token without cnf: %v, want ErrBinding", err)
	}
	presentation.Scheme = "Bearer"
	if err := b.Check(t.Context(), presentation, boundTo(thumbprint(t, owner))); !errors.Is(err, postern.ErrBinding) {
		t.Errorf("scheme Bearer: %v, want ErrBinding", err)
	}
}

// privateKeys are one a family, for each algorithm that a Prover chooses.
func privateKeys(tb testing.TB) map[string]crypto.Signer {
	tb.Helper()
	keys := map[string]crypto.Signer{dpop.EdDSA: owner}
	for alg, curve := range map[string]elliptic.Curve{dpop.ES256: elliptic.P256(), dpop.ES384: elliptic.P384(), dpop.ES512: elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		keys[alg] = key
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	keys[dpop.RS256] = key
	return keys
}

func TestP1_ProofsOfAProverPassWhereTheirAlgorithmIsAccepted(t *testing.T) {
	target, _ := url.Parse("https://API.example.com:443/orders?page=2#top")
	for alg, key := range privateKeys(t) {
		prover, err := dpop.NewProver(key)
		if err != nil {
			t.Fatal(err)
		}
		prover.Now = (&clock{start}).now
		for _, accepted := range []string{dpop.ES256, dpop.ES384, dpop.ES512, dpop.EdDSA, dpop.RS256} {
			proof, err := prover.Proof("GET", target, rawToken, "")
			if err != nil {
				t.Fatal(err)
			}
			config := atStart()
			config.Algorithms = []string{accepted}
			r := httptest.NewRequest("GET", apiURL, nil)
			r.Header.Set("DPoP", proof)
			err = dpop.New(config).Check(t.Context(), postern.Presentation{
				Request: r, Scheme: "DPoP", Raw: rawToken, Answer: make(http.Header),
			}, boundTo(prover.Thumbprint()))
			if (err == nil) != (alg == accepted) {
				t.Errorf("proof by %s where %s is accepted: %v", alg, accepted, err)
			}
		}
	}
}

func TestP1_EveryCharacterOfAProofCounts(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	good := forge().sign(t)
	step := 17
	if os.Getenv("POSTERN_DEEP") != "" {
		step = 1
	}
	b := dpop.New(atStart())
	tried := 0
	for n := 0; n < len(good)*len(alphabet); n += step {
		at, c := n/len(alphabet), alphabet[n%len(alphabet)]
		if good[at] == c {
			continue
		}
		tried++
		bad := good[:at] + string(c) + good[at+1:]
		if err := check(t, b, forge().request, bad); !errors.Is(err, postern.ErrProof) {
			t.Fatalf("character %d changed from %c to %c: error is %v, want ErrProof", at, good[at], c, err)
		}
	}
	if err := check(t, b, forge().request, good); err != nil || tried < 1000 {
		t.Fatalf("after %d changed ones the good proof: %v", tried, err)
	}
}

func TestP1_ErrorsHoldNothingThatCouldBeUsed(t *testing.T) {
	const canary = "canary-of-a-secret-that-nobody-may-read"
	for _, change := range []func(*forged){
		func(f *forged) { f.claims["jti"], f.claims["htm"] = canary, "POST" },
		func(f *forged) { f.claims["jti"], f.claims["iat"] = canary, 1 },
		func(f *forged) { f.claims["nonce"], f.claims["htu"] = canary, apiURL+"/x" },
		func(f *forged) { f.claims["htm"] = strings.Repeat("x", 64) + canary },
		func(f *forged) { f.claims["htu"] = "https://api.example.com/" + strings.Repeat("x", 64) + canary },
		func(f *forged) { f.claims["nonce"], f.key = canary, stranger },
	} {
		f := forge()
		change(f)
		proof := f.sign(t)
		err := check(t, dpop.New(atStart()), f.request, proof)
		if err == nil {
			t.Fatal("passed")
		}
		for _, secret := range []string{canary, proof, rawToken, proof[strings.LastIndexByte(proof, '.')+1:]} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error %q holds %q", err, secret)
			}
		}
	}
}

// appendix holds the examples of RFC 9449.
type appendix struct {
	AccessToken string `json:"access_token"`
	JKT         string
	Proofs      []struct {
		Figure   int
		HTM, HTU string
		Now      int64
		JWT      string
	}
}

func TestP1_RFC9449Examples(t *testing.T) {
	var rfc appendix
	vectors.JSON(t, "rfc/rfc9449_dpop.json", &rfc)
	if len(rfc.Proofs) != 2 {
		t.Fatalf("%d proofs, want 2", len(rfc.Proofs))
	}
	atToken, atResource := rfc.Proofs[0], rfc.Proofs[1]
	now := &clock{time.Unix(atToken.Now, 0)}
	b := dpop.New(dpop.Config{Now: now.now})
	r := httptest.NewRequest(atToken.HTM, atToken.HTU, nil)
	r.Header.Set("DPoP", atToken.JWT)
	if jkt, err := b.CheckKey(t.Context(), r, make(http.Header)); err != nil || jkt != rfc.JKT {
		t.Errorf("figure %d: key %q, %v; want %q", atToken.Figure, jkt, err, rfc.JKT)
	}

	now.Time = time.Unix(atResource.Now, 0)
	rows := []struct {
		name, method, url, raw string
		proofs                 []string
		later                  time.Duration
		is                     error
	}{
		{"as it stands", "GET", atResource.HTU, rfc.AccessToken, []string{atResource.JWT}, 0, nil},
		{"the same once more", "GET", atResource.HTU, rfc.AccessToken, []string{atResource.JWT}, 0, postern.ErrProof},
		{"a proof without ath", "POST", atToken.HTU, rfc.AccessToken, []string{atToken.JWT}, 0, postern.ErrProof},
		{"with another method", "POST", atResource.HTU, rfc.AccessToken, []string{atResource.JWT}, 0, postern.ErrProof},
		{"with another URL", "GET", atResource.HTU + "/x", rfc.AccessToken, []string{atResource.JWT}, 0, postern.ErrProof},
		{"with another token", "GET", atResource.HTU, "other", []string{atResource.JWT}, 0, postern.ErrProof},
		{"an hour later", "GET", atResource.HTU, rfc.AccessToken, []string{atResource.JWT}, time.Hour, postern.ErrProof},
		{"in two headers", "GET", atResource.HTU, rfc.AccessToken, []string{atResource.JWT, atResource.JWT}, 0, postern.ErrProof},
		{"with another signature", "GET", atResource.HTU, rfc.AccessToken, []string{lastChanged(atResource.JWT)}, 0, postern.ErrProof},
		{"with a type in capitals", "GET", atResource.HTU, rfc.AccessToken, []string{typeInCapitals(t, atResource.JWT)}, 0, postern.ErrProof},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.name != "the same once more" {
				b = dpop.New(dpop.Config{Now: (&clock{now.Add(row.later)}).now})
			}
			r := httptest.NewRequest(row.method, row.url, nil)
			r.Header["Dpop"] = row.proofs
			err := b.Check(t.Context(), postern.Presentation{
				Request: r, Scheme: "DPoP", Raw: row.raw, Answer: make(http.Header),
			}, boundTo(rfc.JKT))
			if !errors.Is(err, row.is) {
				t.Errorf("error is %v, want %v", err, row.is)
			}
		})
	}
}

// lastChanged changes a bit that counts: the last character alone has bits that must be zero.
func lastChanged(proof string) string {
	last := byte('A')
	if proof[len(proof)-1] == last {
		last = 'Q'
	}
	return proof[:len(proof)-1] + string(last)
}

func typeInCapitals(t *testing.T, proof string) string {
	head, rest, _ := strings.Cut(proof, ".")
	text, err := b64Decode(head)
	if err != nil || !strings.Contains(text, "dpop+jwt") {
		t.Fatalf("header %q: %v", text, err)
	}
	return b64([]byte(strings.Replace(text, "dpop+jwt", "dpop+JWT", 1))) + "." + rest
}
