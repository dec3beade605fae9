#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs and verifies tokens with PyJWT, joserfc, jwcrypto and Authlib; a JSON document in, one out.

jose_peer.py issue   {"claims": {...}, "header": {...}}
    makes a key and a token for each library and algorithm: [{"library", "algorithm", "jwk", "token", "forged"}]
jose_peer.py sign    {"claims", "header", "algorithm"}
    makes one key with each library, and a token with it whose kid is the key's thumbprint (RFC 7638) as that library
    computes it: [{"library", "pem", "token"}]
jose_peer.py verify  {"token", "jwk", "algorithm", "issuer", "audience"}
    {library: its claims, or null where it refused}
"""

import json
import sys

import authlib.jose
import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def public(jwk):
    return {name: value for name, value in jwk.items() if name not in PRIVATE}


class PyJWT:
    algorithms = RSA + list(CURVES) + ["EdDSA"]

    def generate(self, algorithm):
        if algorithm in RSA:
            return rsa.generate_private_key(65537, 2048)
        curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
        return ec.generate_private_key(curves[algorithm]()) if algorithm in CURVES else ed25519.Ed25519PrivateKey.generate()

    def jwk(self, key, algorithm):
        return jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)

    def pem(self, key):
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return key.private_bytes(*form).decode()

    def thumbprint(self, key, algorithm):
        return jwcrypto.jwk.JWK(**self.jwk(key, algorithm)).thumbprint()  # it has none of its own

    def sign(self, key, header, claims):
        return jwt.encode(claims, key, header["alg"], headers=header)

    def verify(self, token, jwk, algorithm, issuer, audience):
        key = jwt.PyJWK(jwk, algorithm)
        return jwt.decode(token, key, [algorithm], issuer=issuer, audience=audience, options={"require": ["exp", "iat"]})


class JoseRFC:
    algorithms = RSA + list(CURVES) + ["EdDSA", "Ed25519"]

    def generate(self, algorithm):
        if algorithm in RSA:
            return joserfc.jwk.RSAKey.generate_key(2048)
        if algorithm in CURVES:
            return joserfc.jwk.ECKey.generate_key(CURVES[algorithm])
        return joserfc.jwk.OKPKey.generate_key("Ed25519")

    def jwk(self, key, algorithm):
        return public(key.as_dict(private=False))

    def pem(self, key):
        return key.as_pem(private=True).decode()

    def thumbprint(self, key, algorithm):
        return key.thumbprint()

    def sign(self, key, header, claims):
        return joserfc.jwt.encode(header, claims, key, algorithms=[header["alg"]])

    def verify(self, token, jwk, algorithm, issuer, audience):
        key = joserfc.jwk.import_key(jwk)
        claims = joserfc.jwt.decode(token, key, algorithms=[algorithm]).claims
        rules = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": audience}}
        joserfc.jwt.JWTClaimsRegistry(exp={"essential": True}, **rules).validate(claims)
        return claims


class JWCrypto:
    algorithms = RSA + list(CURVES) + ["EdDSA", "Ed25519"]

    def generate(self, algorithm):
        if algorithm in RSA:
            return jwcrypto.jwk.JWK.generate(kty="RSA", size=2048)
        if algorithm in CURVES:
            return jwcrypto.jwk.JWK.generate(kty="EC", crv=CURVES[algorithm])
        return jwcrypto.jwk.JWK.generate(kty="OKP", crv="Ed25519")

    def jwk(self, key, algorithm):
        return key.export_public(as_dict=True)

    def pem(self, key):
        return key.export_to_pem(private_key=True, password=None).decode()

    def thumbprint(self, key, algorithm):
        return key.thumbprint()

    def sign(self, key, header, claims):
        token = jwcrypto.jwt.JWT(header=header, claims=claims)
        token.make_signed_token(key)
        return token.serialize()

    def verify(self, token, jwk, algorithm, issuer, audience):
        rules = {"iss": issuer, "aud": audience, "exp": None}
        found = jwcrypto.jwt.JWT(
            jwt=token, key=jwcrypto.jwk.JWK(**jwk), algs=[algorithm], check_claims=rules, expected_type="JWS"
        )
        return json.loads(found.claims)


class Authlib:
    algorithms = RSA + list(CURVES) + ["EdDSA"]

    def generate(self, algorithm):
        if algorithm in RSA:
            return authlib.jose.RSAKey.generate_key(2048, is_private=True)
        if algorithm in CURVES:
            return authlib.jose.ECKey.generate_key(CURVES[algorithm], is_private=True)
        return authlib.jose.OKPKey.generate_key("Ed25519", is_private=True)

    def jwk(self, key, algorithm):
        return public(key.as_dict(is_private=False))

    def pem(self, key):
        return key.as_pem(is_private=True).decode()

    def thumbprint(self, key, algorithm):
        return key.thumbprint()

    def sign(self, key, header, claims):
        return authlib.jose.JsonWebToken([header["alg"]]).encode(header, claims, key).decode()

    def verify(self, token, jwk, algorithm, issuer, audience):
        rules = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": audience}}
        key = authlib.jose.JsonWebKey.import_key(jwk)
        claims = authlib.jose.JsonWebToken([algorithm]).decode(token, key, claims_options=rules)
        claims.validate()
        return dict(claims)


LIBRARIES = {"PyJWT": PyJWT(), "joserfc": JoseRFC(), "jwcrypto": JWCrypto(), "Authlib": Authlib()}


def issue(request):
    issued = []
    for name, library in LIBRARIES.items():
        keys = {}
        for algorithm in library.algorithms:
            kind = "RSA" if algorithm in RSA else algorithm
            key = keys[kind] = keys.get(kind) or library.generate(algorithm)
            stranger = library.generate(algorithm) if kind != "RSA" else keys.setdefault("other", library.generate("RS256"))
            kid = f"{name}-{algorithm}"
            jwk = {**library.jwk(key, algorithm), "kid": kid, "alg": algorithm, "use": "sig"}
            header = {**request["header"], "alg": algorithm, "kid": kid}
            token, forged = (library.sign(k, dict(header), dict(request["claims"])) for k in (key, stranger))
            issued.append({"library": name, "algorithm": algorithm, "jwk": jwk, "token": token, "forged": forged})
    return issued


def sign(request):
    signed = []
    algorithm = request["algorithm"]
    for name, library in LIBRARIES.items():
        key = library.generate(algorithm)
        header = {**request["header"], "alg": algorithm, "kid": library.thumbprint(key, algorithm)}
        token = library.sign(key, header, dict(request["claims"]))
        signed.append({"library": name, "pem": library.pem(key), "token": token})
    return signed


def verify(request):
    verdicts = {}
    for name, library in LIBRARIES.items():
        try:
            verdicts[name] = library.verify(**request)
        except Exception as error:  # each library has its own, and says why on standard error
            print(f"{name}: {error!r}", file=sys.stderr)
            verdicts[name] = None
    return verdicts


if __name__ == "__main__":
    action = {"issue": issue, "sign": sign, "verify": verify}[sys.argv[1]]
    json.dump(action(json.load(sys.stdin)), sys.stdout)
