"""Claims are read strictly: a claim that is missing, odd or out of its time ends the token."""

import pytest

from app.authentication.verifier import NotAccepted, Subject, Verifier
from tests.app.authentication.forging import AUDIENCE, ISSUER, NOW, claims, issuer, new_mint

MINT = new_mint()
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "ec"}
DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
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
    ],
)
async def test_a_token_with_such_a_claim_is_refused(
    changes: dict[str, object], reason: str
) -> None:
    trusted, _ = issuer(MINT)

    with pytest.raises(NotAccepted, match=reason) as refusal:
        await Verifier([trusted], lambda: NOW).verify(MINT.sign(claims(**changes)))

    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" * 5_000])
async def test_a_time_that_is_no_number_of_json_is_refused(number: str) -> None:
    trusted, _ = issuer(MINT)
    payload = (
        f'{{"iss": "{ISSUER}", "sub": "1:7", "aud": "{AUDIENCE}", "iat": {NOW}, "exp": {number}}}'
    )

    with pytest.raises(NotAccepted, match="not strict JSON"):
        await Verifier([trusted], lambda: NOW).verify(MINT.by_hand(HEADER, payload))


@pytest.mark.parametrize(
    "changes",
    [
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
    ],
)
async def test_a_token_with_such_claims_is_accepted(changes: dict[str, object]) -> None:
    trusted, _ = issuer(MINT)

    verified = await Verifier([trusted], lambda: NOW).verify(MINT.sign(claims(**changes)))

    assert verified.member == Subject(1, 7)
