"""A throw-away certificate authority, and keys for the clients of a test."""

import datetime
import ipaddress
import json
from dataclasses import dataclass

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@dataclass(frozen=True)
class Certificates:
    """PEM texts: the authority, and a certificate of 127.0.0.1 with its key."""

    authority: str
    certificate: str
    key: str


def make_certificates():
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("interop CA", "interop"))

    def builder(subject, public):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    authority = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        builder(name, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    authority, leaf = (c.public_bytes(serialization.Encoding.PEM).decode() for c in (authority, leaf))
    return Certificates(authority, leaf, pem(key))


class SigningKey:
    """An RSA key as a private JWK, a public JWK and a PEM text."""

    def __init__(self, kid):
        key = rsa.generate_private_key(65537, 2048)
        self.pem = pem(key)
        self.private, self.public = (jwk(k, kid) for k in (key, key.public_key()))


def jwk(key, kid):
    members = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
    del members["key_ops"]
    return {**members, "kid": kid, "use": "sig", "alg": "RS256"}
