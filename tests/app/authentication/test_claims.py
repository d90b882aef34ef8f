"""Claims are read strictly: a claim that is missing, odd or out of its time ends the token."""

import pytest

from app.authentication.verifier import NotAccepted, Subject, Verifier
from tests.app.authentication.forgeries import RIGHT_CLAIMS, WRONG_CLAIMS
from tests.app.authentication.forging import AUDIENCE, ISSUER, NOW, claims, issuer, new_mint

MINT = new_mint()
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "ec"}


@pytest.mark.parametrize(("changes", "reason"), WRONG_CLAIMS)
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


@pytest.mark.parametrize("changes", RIGHT_CLAIMS)
async def test_a_token_with_such_claims_is_accepted(changes: dict[str, object]) -> None:
    trusted, _ = issuer(MINT)

    verified = await Verifier([trusted], lambda: NOW).verify(MINT.sign(claims(**changes)))

    assert verified.member == Subject(1, 7)
