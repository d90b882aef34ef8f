"""Every forgery known to us is refused, and no forgery is looked up, followed or waited for."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey, RSAKey

from app.authentication.verifier import NotAccepted, Subject, Verifier
from tests.app.authentication.forging import (
    ISSUER,
    NOW,
    Mint,
    b64,
    claims,
    hmac_signed,
    issuer,
    new_mint,
)

MINT = new_mint()
HONEST = MINT.sign()
STRANGER = ECKey.generate_key("P-256")

Forge = Callable[[Mint], str]


def parts(token: str) -> list[str]:
    return token.split(".")


def unsigned(algorithm: str) -> Forge:
    header = {"alg": algorithm, "typ": "at+jwt", "kid": "ec"}
    return lambda _: f"{b64(header)}.{b64(claims())}."


def public_key_as_secret(mint: Mint) -> str:
    key = mint.keys["rsa"]
    assert isinstance(key, RSAKey)
    pem = key.as_pem(private=False)
    return hmac_signed({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}, pem)


def public_point_as_secret(mint: Mint) -> str:
    key = mint.keys["ec"]
    assert isinstance(key, ECKey)
    raw = key.public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return hmac_signed({"alg": "HS256", "typ": "at+jwt", "kid": "ec"}, raw)


def other_payload(mint: Mint) -> str:
    header, _, signature = parts(HONEST)
    return f"{header}.{b64(claims(sub='1:1'))}.{signature}"


def other_header(mint: Mint) -> str:
    _, payload, signature = parts(HONEST)
    header = {"alg": "ES256", "typ": "JWT", "kid": "ec"}
    return f"{b64(header)}.{payload}.{signature}"


def flipped_signature(mint: Mint) -> str:
    header, payload, signature = parts(HONEST)
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{header}.{payload}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def zero_signature(mint: Mint) -> str:
    header, payload, _ = parts(HONEST)
    return f"{header}.{payload}.{b64(bytes(64))}"


FORGERIES: dict[str, Forge] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg nOnE": unsigned("nOnE"),
    "alg NONE with a signature": lambda mint: mint.sign(alg="ES256").replace(
        parts(HONEST)[0], b64({"alg": "NONE", "typ": "at+jwt", "kid": "ec"})
    ),
    "alg missing": lambda mint: mint.by_hand({"typ": "at+jwt", "kid": "ec"}, claims()),
    "alg empty": lambda mint: mint.by_hand({"alg": "", "typ": "JWT", "kid": "ec"}, claims()),
    "alg es256": lambda mint: mint.by_hand({"alg": "es256", "typ": "JWT", "kid": "ec"}, claims()),
    "alg a list": lambda mint: mint.by_hand(
        {"alg": ["ES256"], "typ": "JWT", "kid": "ec"}, claims()
    ),
    "HS256 with the RSA public key": public_key_as_secret,
    "HS256 with the EC public key": public_point_as_secret,
    "HS256 with an empty secret": lambda _: hmac_signed(
        {"alg": "HS256", "typ": "at+jwt", "kid": "ec"}, b""
    ),
    "RS256 named, EC key meant": lambda mint: mint.sign(
        alg="RS256", kid="ec", key=mint.keys["rsa"]
    ),
    "payload changed": other_payload,
    "header changed": other_header,
    "signature changed": flipped_signature,
    "signature of zeros": zero_signature,
    "signature cut off": lambda _: HONEST[:-4],
    "signature missing": lambda _: HONEST.rpartition(".")[0] + ".",
    "same kid, other key": lambda mint: mint.sign(key=STRANGER),
    "embedded jwk": lambda mint: mint.sign(key=STRANGER, jwk=STRANGER.as_dict(private=False)),
    "embedded jwk, honest key": lambda mint: mint.sign(jwk=STRANGER.as_dict(private=False)),
    "jku": lambda mint: mint.sign(key=STRANGER, jku="https://evil.example/jwks.json"),
    "jku, honest key": lambda mint: mint.sign(jku="https://evil.example/jwks.json"),
    "x5u": lambda mint: mint.sign(x5u="https://evil.example/chain.pem"),
    "crit": lambda mint: mint.sign(crit=["exp"]),
    "b64 false": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "JWT", "kid": "ec", "b64": False, "crit": ["b64"]}, claims()
    ),
    "unknown kid": lambda mint: mint.sign(kid="nobody"),
    "kid a path": lambda mint: mint.sign(kid="../../../../etc/passwd"),
    "kid an address": lambda mint: mint.sign(kid="https://evil.example/key"),
    "kid SQL": lambda mint: mint.sign(kid="x' UNION SELECT 'key"),
    "kid empty": lambda mint: mint.sign(kid=""),
    "kid a number": lambda mint: mint.by_hand({"alg": "ES256", "typ": "JWT", "kid": 1}, claims()),
    "kid of 10 kB": lambda mint: mint.sign(kid="k" * 10_000),
    "kid of 200 kB": lambda mint: mint.sign(kid="k" * 200_000),
    "kid with NUL": lambda mint: mint.sign(kid="ec\0"),
    "no kid": lambda mint: mint.sign(kid=...),
    "typ missing": lambda mint: mint.sign(typ=...),
    "typ logout+jwt": lambda mint: mint.sign(typ="logout+jwt"),
    "typ secevent+jwt": lambda mint: mint.sign(typ="secevent+jwt"),
    "duplicate header keys": lambda mint: mint.by_hand(
        '{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec"}', claims()
    ),
    "duplicate claims": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "at+jwt", "kid": "ec"},
        json.dumps(claims())[:-1] + ', "sub": "1:7"}',
    ),
    "header a list": lambda mint: mint.by_hand('["ES256"]', claims()),
    "header nested deeply": lambda mint: mint.by_hand('{"a":' + "[" * 3_000, claims()),
    "payload nested deeply": lambda mint: mint.by_hand(
        {"alg": "ES256", "typ": "at+jwt", "kid": "ec"}, '{"a":' + "[" * 8_000
    ),
    "payload a string": lambda mint: mint.sign('"1:7"'),
    "payload not JSON": lambda mint: mint.sign("sub=1:7"),
    "payload not UTF-8": lambda _: f"{parts(HONEST)[0]}.{b64(bytes([255, 254]))}.AAAA",
    "garbage": lambda _: "garbage",
    "empty": lambda _: "",
    "dots": lambda _: "..",
    "two parts": lambda _: HONEST.rpartition(".")[0],
    "four parts": lambda _: HONEST + ".AAAA",
    "five parts (encrypted)": lambda _: HONEST + ".AAAA.AAAA",
    "with padding": lambda _: HONEST + "==",
    "with a line feed": lambda _: HONEST + "\n",
    "with a space": lambda _: " " + HONEST,
    "standard base64": lambda _: HONEST.replace("-", "+").replace("_", "/") + "+",
    "not ASCII": lambda _: HONEST + "é",
    "JSON serialization": lambda _: json.dumps(
        dict(zip(("protected", "payload", "signature"), parts(HONEST), strict=True))
    ),
    "17 kB": lambda mint: mint.sign(claims(padding="x" * 17_000)),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(name: str) -> None:
    trusted, published = issuer(MINT)
    forged = FORGERIES[name](MINT)

    started = time.perf_counter()
    with pytest.raises(NotAccepted) as refusal:
        await Verifier([trusted], lambda: NOW).verify(forged)

    assert time.perf_counter() - started < 0.1
    assert len(str(refusal.value)) < 200
    assert "evil.example" not in "".join(published.asked).replace("https://evil.example/key", "")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", "ec"),
        ("ES384", "ec384"),
        ("RS256", "rsa"),
        ("RS384", "rsa"),
        ("RS512", "rsa"),
        ("PS256", "rsa"),
        ("PS384", "rsa"),
        ("EdDSA", "okp"),
        ("Ed25519", "okp"),
    ],
)
async def test_an_honest_token_of_every_allowed_algorithm_is_accepted(
    algorithm: str, key: str
) -> None:
    trusted, published = issuer(MINT)
    token = MINT.sign(alg=algorithm, kid=key, key=MINT.keys[key])

    verified = await Verifier([trusted], lambda: NOW).verify(token)

    assert (verified.issuer, verified.member) == (ISSUER, Subject(1, 7))
    assert verified.expires_at == datetime.fromtimestamp(NOW + 600, UTC)
    assert published.asked == [key]


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt"])
async def test_the_types_of_access_tokens_are_accepted(kind: str) -> None:
    trusted, _ = issuer(MINT)

    verified = await Verifier([trusted], lambda: NOW).verify(MINT.sign(typ=kind))

    assert verified.member == Subject(1, 7)


async def test_a_header_as_large_as_real_issuers_make_them_is_accepted() -> None:
    trusted, _ = issuer(MINT)
    token = MINT.sign(x5t="x" * 43, x5c=["c" * 2_000], nonce="n" * 600)

    verified = await Verifier([trusted], lambda: NOW).verify(token)

    assert verified.member == Subject(1, 7)


async def test_an_algorithm_the_issuer_does_not_use_is_refused_though_the_key_would_fit() -> None:
    trusted, _ = issuer(MINT, algorithms=frozenset({"PS256"}))

    with pytest.raises(NotAccepted, match="'RS256' is not one of the issuer's"):
        await Verifier([trusted], lambda: NOW).verify(
            MINT.sign(alg="RS256", kid="rsa", key=MINT.keys["rsa"])
        )


async def test_a_weak_or_foreign_key_of_the_right_name_does_not_verify() -> None:
    other = new_mint()
    other.keys["rsa"] = RSAKey.generate_key(2048)
    trusted, _ = issuer(other)

    with pytest.raises(NotAccepted, match="bad_signature"):
        await Verifier([trusted], lambda: NOW).verify(
            MINT.sign(alg="RS256", kid="rsa", key=MINT.keys["rsa"])
        )


async def test_one_issuers_key_does_not_sign_for_another() -> None:
    other = new_mint()
    first, first_keys = issuer(MINT)
    second, second_keys = issuer(other, name="https://other.example.com")
    verifier = Verifier([first, second], lambda: NOW)

    with pytest.raises(NotAccepted, match="bad_signature"):
        await verifier.verify(MINT.sign(claims(iss="https://other.example.com")))

    assert (first_keys.asked, second_keys.asked) == ([], ["ec"])
