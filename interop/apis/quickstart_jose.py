"""The quickstart API with python-jose."""

from jose import jwt
from jose.exceptions import ExpiredSignatureError, JWTClaimsError, JWTError

import quickstart
from quickstart import Refused
from serving import serve


def verify(raw):
    try:
        header = jwt.get_unverified_header(raw)
    except JWTError:
        raise Refused("invalid_header", quickstart.INVALID_HEADER)
    if header["alg"] == "HS256":
        raise Refused("invalid_header", quickstart.INVALID_HEADER)
    key = quickstart.signing_key(header["kid"])
    try:
        return jwt.decode(
            raw, key, algorithms=["RS256"], audience=quickstart.audience(), issuer=quickstart.issuer()
        )
    except ExpiredSignatureError:
        raise Refused("token_expired", "token is expired")
    except JWTClaimsError:
        raise Refused("invalid_claims", "incorrect claims, please check the audience and issuer")
    except JWTError:
        raise Refused("invalid_header", "Unable to parse authentication token.")


if __name__ == "__main__":
    serve(quickstart.create_app(verify))
