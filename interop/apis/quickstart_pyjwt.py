"""The quickstart API with PyJWT."""

import json

import jwt

import quickstart
from quickstart import Refused
from serving import serve


def verify(raw):
    try:
        header = jwt.get_unverified_header(raw)
    except jwt.InvalidTokenError:
        raise Refused("invalid_header", quickstart.INVALID_HEADER)
    if header["alg"] == "HS256":
        raise Refused("invalid_header", quickstart.INVALID_HEADER)
    key = jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(quickstart.signing_key(header["kid"])))
    try:
        return jwt.decode(
            raw, key, algorithms=["RS256"], audience=quickstart.audience(), issuer=quickstart.issuer()
        )
    except jwt.ExpiredSignatureError:
        raise Refused("token_expired", "token is expired")
    except jwt.InvalidAudienceError:
        raise Refused("invalid_audience", "incorrect audience, please check the audience")
    except jwt.InvalidIssuerError:
        raise Refused("invalid_issuer", "incorrect issuer, please check the issuer")
    except jwt.InvalidTokenError:
        raise Refused("invalid_header", "Unable to parse authentication token.")


if __name__ == "__main__":
    serve(quickstart.create_app(verify))
