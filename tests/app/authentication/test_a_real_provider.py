"""Tokens that a real OpenID provider gave to a person who signed in there: taken as they are, and
refused in every forged and malformed form."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from joserfc import jws
from joserfc.util import urlsafe_b64decode

from app.authentication.configuration import IssuerSetting
from app.authentication.issuers import Issuers
from app.authentication.trusting import trusted
from app.authentication.verifier import NotAccepted
from app.graphql.requests import strict_json
from tests.app.authentication.forgeries import FORGERIES, RIGHT_CLAIMS, WRONG_CLAIMS, moved
from tests.app.authentication.forging import Mint, provider_mint
from tests.node import NodeClients
from tests.oidc import AUDIENCE, OpenIdProvider

PEOPLE = {"ada-1": {"email": "ada@acme.example", "email_verified": True}}


@dataclass
class Real:
    """A running provider, what it gave, and its keys, which a forger does not have."""

    provider: OpenIdProvider
    mint: Mint
    answer: dict[str, Any]
    now: int

    def issuers(self) -> Issuers:
        setting = IssuerSetting(
            issuer=self.provider.issuer,
            audience=AUDIENCE,
            match="externalId",
            workspaces=("acme",),
        )
        return trusted([setting], None, lambda: float(self.now))


@pytest.fixture(scope="module")
def real(node_clients: NodeClients) -> Iterator[Real]:
    mint = provider_mint()
    first, *others = (mint.keys[name] for name in ("ec", "rsa", "okp", "ec384"))
    with OpenIdProvider(node_clients, PEOPLE, [first, *others]) as provider:
        answer = asyncio.run(provider.sign_in("ada-1"))
        token = answer["access_token"]
        said = strict_json(urlsafe_b64decode(token.split(".")[1].encode()))
        assert isinstance(said, dict)
        yield Real(provider, replace(mint, base=said, given=token), answer, said["iat"] + 10)


@pytest.fixture
async def issuers(real: Real) -> Any:
    made = real.issuers()
    yield made
    await made.close()


@pytest.mark.spec("A1")
async def test_the_providers_own_token_is_taken(real: Real, issuers: Issuers) -> None:
    verified = await issuers.verify(real.mint.honest)

    assert (verified.issuer, verified.subject) == (real.provider.issuer, "ada-1")
    assert verified.claims["aud"] == AUDIENCE
    assert jws.extract_compact(real.mint.honest.encode()).headers()["typ"] == "at+jwt"


async def test_the_id_token_beside_it_is_refused(real: Real, issuers: Issuers) -> None:
    with pytest.raises(NotAccepted, match="typ None is neither at\\+jwt nor JWT"):
        await issuers.verify(real.answer["id_token"])


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(real: Real, issuers: Issuers, name: str) -> None:
    with pytest.raises(NotAccepted):
        await issuers.verify(FORGERIES[name](real.mint))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [case for case in WRONG_CLAIMS if case[1] != "sub names nobody"],
)
async def test_a_token_with_such_a_claim_is_refused_though_its_signature_holds(
    real: Real, issuers: Issuers, changes: dict[str, object], reason: str
) -> None:
    token = real.mint.sign(real.mint.claims(**moved(changes, real.mint, real.now)))

    with pytest.raises(NotAccepted, match=reason):
        await issuers.verify(token)


@pytest.mark.parametrize("changes", RIGHT_CLAIMS)
async def test_a_token_with_such_claims_is_taken(
    real: Real, issuers: Issuers, changes: dict[str, object]
) -> None:
    token = real.mint.sign(real.mint.claims(**moved(changes, real.mint, real.now)))

    assert (await issuers.verify(token)).subject == "ada-1"


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("ES256", "ec"), ("ES384", "ec384"), ("RS512", "rsa"), ("PS256", "rsa"), ("EdDSA", "okp")],
)
async def test_each_of_its_published_keys_verifies_what_it_signed(
    real: Real, issuers: Issuers, algorithm: str, name: str
) -> None:
    token = real.mint.sign(alg=algorithm, kid=name, key=real.mint.keys[name])

    assert (await issuers.verify(token)).subject == "ada-1"


async def test_a_key_is_not_used_for_an_algorithm_it_is_not_published_for(
    real: Real, issuers: Issuers
) -> None:
    token = real.mint.sign(alg="ES256", kid="ec384")

    with pytest.raises(NotAccepted, match="no key of this name"):
        await issuers.verify(token)
