"""Every forgery known to us, made from an issuer's honest token and what a forger could know."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey, RSAKey

from tests.app.authentication.forging import AUDIENCE, ISSUER, NOW, Mint, b64, hmac_signed

STRANGER = ECKey.generate_key("P-256")

Forge = Callable[[Mint], str]


def parts(token: str) -> list[str]:
    return token.split(".")


def unsigned(algorithm: str) -> Forge:
    header = {"alg": algorithm, "typ": "at+jwt", "kid": "ec"}
    return lambda mint: f"{b64(header)}.{b64(mint.claims())}."


def public_key_as_secret(mint: Mint) -> str:
    key = mint.keys["rsa"]
    assert isinstance(key, RSAKey)
    pem = key.as_pem(private=False)
    return hmac_signed({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}, mint.claims(), pem)


def public_point_as_secret(mint: Mint) -> str:
    key = mint.keys["ec"]
    assert isinstance(key, ECKey)
    raw = key.public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return hmac_signed({"alg": "HS256", "typ": "at+jwt", "kid": "ec"}, mint.claims(), raw)


def other_payload(mint: Mint) -> str:
    header, _, signature = parts(mint.honest)
    return f"{header}.{b64(mint.claims(sub='1:1'))}.{signature}"


def other_header(mint: Mint) -> str:
    _, payload, signature = parts(mint.honest)
    header = {"alg": "ES256", "typ": "JWT", "kid": "ec"}
    return f"{b64(header)}.{payload}.{signature}"


def flipped_signature(mint: Mint) -> str:
    header, payload, signature = parts(mint.honest)
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{header}.{payload}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def zero_signature(mint: Mint) -> str:
    header, payload, _ = parts(mint.honest)
    return f"{header}.{payload}.{b64(bytes(64))}"


FORGERIES: Final[dict[str, Forge]] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg nOnE": unsigned("nOnE"),
    "alg NONE with a signature": lambda mint: mint.sign(alg="ES256").replace(
        parts(mint.honest)[0], b64({"alg": "NONE", "typ": "at+jwt", "kid": "ec"})
    ),
    "alg missing": lambda mint: mint.by_hand({"typ": "at+jwt", "kid": "ec"}, mint.claims()),
    "alg empty": lambda mint: mint.by_hand({"alg": "", "typ": "JWT", "kid": "ec"}, mint.claims()),
    "alg es256": lambda mint: mint.by_hand(
        {"alg": "es256", "typ": "JWT", "kid": "ec"}, mint.claims()
    ),
    "alg a list": lambda mint: mint.by_hand(
        {"alg": ["ES256"], "typ": "JWT", "kid": "ec"}, mint.claims()
    ),
    "HS256 with the RSA public key": public_key_as_secret,
    "HS256 with the EC public key": public_point_as_secret,
    "HS256 with an empty secret": lambda mint: hmac_signed(
        {"alg": "HS256", "typ": "at+jwt", "kid": "ec"}, mint.claims(), b""
    ),
    "RS256 named, EC key meant": lambda mint: mint.sign(
        alg="RS256", kid="ec", key=mint.keys["rsa"]
    ),
    "payload changed": other_payload,
    "header changed": other_header,
    "signature changed": flipped_signature,
    "signature of zeros": zero_signature,
    "signature cut off": lambda mint: mint.honest[:-4],
    "signature missing": lambda mint: mint.honest.rpartition(".")[0] + ".",
    "same kid, other key": lambda mint: mint.sign(key=STRANGER),
    "embedded jwk": lambda mint: mint.sign(key=STRANGER, jwk=STRANGER.as_dict(private=False)),
    "embedded jwk, honest key": lambda mint: mint.sign(jwk=STRANGER.as_dict(private=False)),
    "jku": lambda mint: mint.sign(key=STRANGER, jku="https://evil.example/jwks.json"),
    "jku, honest key": lambda mint: mint.sign(jku="https://evil.example/jwks.json"),
    "x5u": lambda mint: mint.sign(x5u="https://evil.example/chain.pem"),
    "crit": lambda mint: mint.sign(crit=["exp"]),
    "b64 false": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "JWT", "kid": "ec", "b64": False, "crit": ["b64"]}, mint.claims()
    ),
    "unknown kid": lambda mint: mint.sign(kid="nobody"),
    "kid a path": lambda mint: mint.sign(kid="../../../../etc/passwd"),
    "kid an address": lambda mint: mint.sign(kid="https://evil.example/key"),
    "kid SQL": lambda mint: mint.sign(kid="x' UNION SELECT 'key"),
    "kid empty": lambda mint: mint.sign(kid=""),
    "kid a number": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "JWT", "kid": 1}, mint.claims()
    ),
    "kid of 10 kB": lambda mint: mint.sign(kid="k" * 10_000),
    "kid of 200 kB": lambda mint: mint.sign(kid="k" * 200_000),
    "kid with NUL": lambda mint: mint.sign(kid="ec\0"),
    "no kid": lambda mint: mint.sign(kid=...),
    "typ missing": lambda mint: mint.sign(typ=...),
    "typ logout+jwt": lambda mint: mint.sign(typ="logout+jwt"),
    "typ secevent+jwt": lambda mint: mint.sign(typ="secevent+jwt"),
    "duplicate header keys": lambda mint: mint.by_hand(
        '{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec"}', mint.claims()
    ),
    "duplicate claims": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "at+jwt", "kid": "ec"},
        json.dumps(mint.claims())[:-1] + ', "sub": "1:7"}',
    ),
    "header a list": lambda mint: mint.by_hand('["ES256"]', mint.claims()),
    "header nested deeply": lambda mint: mint.by_hand('{"a":' + "[" * 3_000, mint.claims()),
    "payload nested deeply": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "at+jwt", "kid": "ec"}, '{"a":' + "[" * 8_000
    ),
    "payload a string": lambda mint: mint.sign('"1:7"'),
    "payload not JSON": lambda mint: mint.sign("sub=1:7"),
    "payload not UTF-8": lambda mint: f"{parts(mint.honest)[0]}.{b64(bytes([255, 254]))}.AAAA",
    "garbage": lambda mint: "garbage",
    "empty": lambda mint: "",
    "dots": lambda mint: "..",
    "two parts": lambda mint: mint.honest.rpartition(".")[0],
    "four parts": lambda mint: mint.honest + ".AAAA",
    "five parts (encrypted)": lambda mint: mint.honest + ".AAAA.AAAA",
    "with padding": lambda mint: mint.honest + "==",
    "with a line feed": lambda mint: mint.honest + "\n",
    "with a space": lambda mint: " " + mint.honest,
    "standard base64": lambda mint: mint.honest.replace("-", "+").replace("_", "/") + "+",
    "not ASCII": lambda mint: mint.honest + "é",
    "JSON serialization": lambda mint: json.dumps(
        dict(zip(("protected", "payload", "signature"), parts(mint.honest), strict=True))
    ),
    "17 kB": lambda mint: mint.sign(mint.claims(padding="x" * 17_000)),
}

DAY: Final = 24 * 60 * 60

WRONG_CLAIMS: Final[list[tuple[dict[str, object], str]]] = [
    ({"exp": ...}, "exp"),
    ({"exp": None}, "exp"),
    ({"exp": str(NOW + 600)}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": [NOW + 600]}, "exp"),
    ({"exp": 10**400}, "exp is no time"),
    ({"exp": 10**4299, "iat": -(10**4299)}, "exp is no time"),
    ({"exp": 253_402_300_800}, "exp is no time"),
    ({"exp": NOW - 61}, "expired"),
    ({"exp": -1}, "expired"),
    ({"exp": 0}, "expired"),
    ({"exp": NOW - 10 + DAY + 1}, "lives 86401 seconds"),
    ({"exp": NOW + 10 * 365 * DAY}, "lives"),
    ({"exp": NOW - 20, "iat": NOW - 10}, "lives -10 seconds"),
    ({"nbf": NOW + 61}, "not yet valid"),
    ({"nbf": str(NOW)}, "nbf"),
    ({"nbf": 10**400}, "not yet valid"),
    ({"iat": ...}, "iat"),
    ({"iat": NOW + 61}, "future"),
    ({"iat": "now"}, "iat"),
    ({"iat": -(10**400)}, "iat is no time"),
    ({"iss": ...}, "not a configured issuer"),
    ({"iss": None}, "not a configured issuer"),
    ({"iss": "https://evil.example.com"}, "not a configured issuer"),
    ({"iss": ISSUER + "/"}, "not a configured issuer"),
    ({"iss": ISSUER.upper()}, "not a configured issuer"),
    ({"iss": [ISSUER]}, "not a configured issuer"),
    ({"iss": {"a": 1}}, "not a configured issuer"),
    ({"aud": ...}, "aud"),
    ({"aud": None}, "aud"),
    ({"aud": ""}, "aud is empty; configure the issuer"),
    ({"aud": []}, "aud is empty; configure the issuer"),
    ({"aud": "urn:other"}, "aud"),
    ({"aud": ["urn:other"]}, "aud"),
    ({"aud": [AUDIENCE, 1]}, "aud"),
    ({"aud": AUDIENCE + "/"}, "aud"),
    ({"aud": {AUDIENCE: True}}, "aud"),
    ({"sub": ...}, "sub"),
    ({"sub": None}, "sub"),
    ({"sub": ""}, "sub"),
    ({"sub": 7}, "sub"),
    ({"sub": ["1:7"]}, "sub"),
    ({"sub": "1" * 256}, "sub is longer than 255"),
    ({"sub": "nobody"}, "sub names nobody"),
    ({"at_hash": "x"}, "at_hash says it is no bearer access token"),
    ({"c_hash": None}, "c_hash says it is no bearer access token"),
    ({"cnf": {"jkt": "x"}}, "cnf says it is no bearer access token"),
    ({"events": {}}, "events says it is no bearer access token"),
    ({"typ": "ID"}, "typ says it is no bearer access token"),
    ({"token_use": "id"}, "token_use says it is no bearer access token"),
]
"""Changes of what an issuer says that end a token, and what the log then says."""

RIGHT_CLAIMS: Final[list[dict[str, object]]] = [
    {},
    {"aud": [AUDIENCE]},
    {"aud": ["urn:other", AUDIENCE]},
    {"exp": NOW - 59, "iat": NOW - 100},
    {"exp": NOW + 600.5},
    {"exp": NOW - 10 + DAY},
    {"iat": NOW + 59},
    {"nbf": NOW + 59},
    {"nbf": NOW - 10},
    {"scope": "openid", "groups": ["a"], "nested": {"deep": [1]}},
    {"name": "Åsa 🎓"},
    {"typ": "Bearer", "token_use": "access", "nonce": "n"},
]
"""Changes that do not."""


def moved(changes: Mapping[str, object], mint: Mint, now: int) -> dict[str, object]:
    """The same changes for an issuer of another name, at another time."""
    names = {ISSUER: str(mint.base["iss"]), AUDIENCE: str(mint.base["aud"])}

    def move(value: object) -> object:
        if isinstance(value, int | float) and abs(value - NOW) < 11 * 365 * DAY:
            return value + now - NOW
        if isinstance(value, list):
            return [move(each) for each in value]
        if isinstance(value, str):
            for ours, theirs in names.items():
                value = value.replace(ours, theirs).replace(ours.upper(), theirs.upper())
        return value

    return {name: move(value) for name, value in changes.items()}
