"""Every forgery known to us is refused, and no forgery is looked up, followed or waited for."""

import time
from datetime import UTC, datetime

import pytest
from joserfc.jwk import RSAKey

from app.authentication.verifier import NotAccepted, Subject, Verifier
from tests.app.authentication.forgeries import FORGERIES
from tests.app.authentication.forging import ISSUER, NOW, claims, issuer, new_mint

MINT = new_mint()


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
