#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses a gateway's OAuth endpoints with Python's libraries, which share no code with it: Authlib finds the endpoints, gets,
introspects and revokes tokens; Authlib, PyJWT, joserfc and jwcrypto verify them with the published keys. Prints what each
found as JSON.

oauth_peer.py URL CA ISSUER AUDIENCE CLIENT-ID; the client's secret comes on standard input
"""

import json
import sys
import warnings

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

# Authlib announces that its own JOSE will once be joserfc.
warnings.filterwarnings("ignore")


def verified_by_pyjwt(token, keys, issuer, audience):
    import jwt

    head = jwt.get_unverified_header(token)
    key = jwt.PyJWKSet.from_dict(keys)[head["kid"]]
    return jwt.decode(token, key, algorithms=[head["alg"]], audience=audience, issuer=issuer,
                      options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]})


def verified_by_joserfc(token, keys, issuer, audience):
    from joserfc import jwt
    from joserfc.jwk import KeySet

    read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256", "RS256", "Ed25519"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience}, exp={"essential": True}
    ).validate(read.claims)
    return read.claims


def verified_by_jwcrypto(token, keys, issuer, audience):
    from jwcrypto import jwk, jwt

    read = jwt.JWT(algs=["ES256", "RS256", "Ed25519"], check_claims={"iss": issuer, "aud": audience, "exp": None})
    read.deserialize(token, jwk.JWKSet.from_json(json.dumps(keys)))
    return json.loads(read.claims)


def verified_by_authlib(token, keys, issuer, audience):
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return keys

    validator = Validator(issuer=issuer, resource_server=audience)
    claims = validator.authenticate_token(token)
    claims.validate()
    return dict(claims)


def main(url, authority, issuer, audience, client_id):
    secret = sys.stdin.readline().strip()

    def alone(session):
        """Trusts the tests' authority and no other, whatever the environment says."""
        session.verify, session.trust_env = authority, False
        return session

    plain = alone(requests.Session())

    # The issuer's name leads to the metadata; the tests' gateway answers at another address than its issuer's.
    address = get_well_known_url(issuer, external=True).replace(issuer, url)
    metadata = AuthorizationServerMetadata(plain.get(address, timeout=60).json())
    metadata.validate()
    assert metadata["issuer"] == issuer
    at = {name: value.replace(issuer, url) for name, value in metadata.items() if isinstance(value, str)}
    keys = plain.get(at["jwks_uri"], timeout=60).json()

    result = {"verified": {}}
    for method in metadata["token_endpoint_auth_methods_supported"]:
        session = alone(OAuth2Session(
            client_id, secret, scope="models:read", token_endpoint_auth_method=method,
            introspection_endpoint_auth_method=method, revocation_endpoint_auth_method=method))
        token = session.fetch_token(at["token_endpoint"], grant_type="client_credentials")
        assert token["token_type"] == "Bearer" and token["scope"] == "models:read", token
        text = token["access_token"]

        verifiers = [verified_by_joserfc, verified_by_jwcrypto]
        header = json.loads(decoded(text.split(".")[0]))
        if header["alg"] != "Ed25519":
            # Which PyJWT knows by its older name alone.
            verifiers.append(verified_by_pyjwt)
        if header["typ"] == "at+jwt":
            verifiers.append(verified_by_authlib)
        for verify in verifiers:
            name = verify.__name__.rpartition("_")[2]
            claims = verify(text, keys, issuer, audience)
            assert claims["client_id"] == client_id and claims["scope"] == "models:read", claims
            broken = text[:-6] + ("AAAAAA" if not text.endswith("AAAAAA") else "BBBBBB")
            try:
                verify(broken, keys, issuer, audience)
            except Exception:
                result["verified"][name] = header["alg"]
            else:
                sys.exit(f"{name} took a broken signature")

        about = session.introspect_token(at["introspection_endpoint"], token=text).json()
        assert about["active"] is True and about["client_id"] == client_id, about
        answer = session.get(f"{url}/v1/models/digits")
        result.setdefault("used", []).append(answer.status_code)
        revoked = session.revoke_token(at["revocation_endpoint"], token=text)
        assert revoked.status_code == 200, revoked.text
        assert session.introspect_token(at["introspection_endpoint"], token=text).json() == {"active": False}

    stranger = alone(OAuth2Session(client_id, "wrong"))
    try:
        stranger.fetch_token(at["token_endpoint"], grant_type="client_credentials")
    except Exception as error:
        result["stranger"] = getattr(error, "error", repr(error))
    print(json.dumps(result))


def decoded(part):
    import base64

    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
