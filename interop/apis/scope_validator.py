"""How the two APIs check an introspection answer that look for a scope: exp is read before active, so an
inactive token, whose answer has no exp, makes them fail with 500."""

import time

from authlib.oauth2.rfc7662 import IntrospectTokenValidator

from introspecting import Refused


class ScopeValidator(IntrospectTokenValidator):
    def validate_token(self, token, scopes, request):
        if not token:
            raise Refused("invalid_token_revoked", "Token was revoked.")
        if token["exp"] < time.time():
            raise Refused("invalid_token_expired", "Token has expired.")
        if not token["active"]:
            raise Refused("invalid_token_inactive", "Token is inactive.")
        if self.scope_insufficient(token["scope"], scopes):
            raise Refused("insufficient_scope", f"Token has insufficient scope. Route requires: {scopes}")
