package introspect

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"strconv"
	"strings"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
)

const (
	signedType  = "token-introspection+jwt"
	signedMedia = "application/" + signedType
	// signedAlgorithm signs answers, whatever the API's tokens are signed by: whoever reads signed answers knows it.
	signedAlgorithm = jws.ES256
)

// Metadata are the members that come with signed answers (RFC 9701 §7).
func Metadata() map[string]any {
	return map[string]any{"introspection_signing_alg_values_supported": []string{string(signedAlgorithm)}}
}

// wantsSigned reports whether the caller asks for a signed answer by name. One who takes anything gets JSON.
func wantsSigned(r *endpoint.Request) bool {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			media, params, err := mime.ParseMediaType(part)
			if err != nil || media != signedMedia {
				continue
			}
			weight, given := params["q"]
			q, err := strconv.ParseFloat(weight, 64)
			return !given || err == nil && q > 0
		}
	}
	return false
}

// sign returns an answer as a JWT (RFC 9701 §5): whom it is for and when it was made stand around it, so that it can
// neither be shown to another API nor kept for later. It holds no sub and no exp, so that nobody takes it for a token.
func (e *introspection) sign(ctx context.Context, issuer oauth.Issuer, clientID string, answer any) (any, error) {
	payload, err := json.Marshal(map[string]any{
		"iss": issuer, "aud": clientID, "iat": e.Now().Unix(), "token_introspection": answer,
	})
	if err != nil {
		return nil, fmt.Errorf("introspect: encoding an answer: %w", err)
	}
	signer, err := e.Keys.Signer(ctx, signedAlgorithm)
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	text, err := signer.Sign(signedType, payload)
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	return endpoint.Text{MediaType: signedMedia, Text: text}, nil
}
