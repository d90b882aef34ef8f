"""The local issuer signs for a fresh machine, and nobody treats it as anything special."""

import datetime as dt
import json
import stat
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from app.authentication.configuration import read_issuers
from app.authentication.issuer import AUDIENCE, NAME, LocalIssuer, local_issuer, subject_of
from app.authentication.verifier import NotAccepted, Subject, Verifier
from app.embedded import CannotStart
from app.settings import Settings
from tests.world import MONDAY

REAL = {
    "issuer": "https://id.example.com",
    "audience": "urn:lms",
    "workspaces": "acme",
    "match": "externalId",
}
HOUR = dt.timedelta(hours=1)


def mint(local: LocalIssuer, ttl: dt.timedelta = HOUR) -> str:
    return local.mint(workspace_id=3, member_id=41, ttl=ttl, at=MONDAY)


async def test_a_minted_token_goes_the_way_of_every_token(tmp_path: Path) -> None:
    local = LocalIssuer.open(tmp_path)

    verified = await Verifier([local.as_issuer()], MONDAY.timestamp).verify(mint(local))

    assert verified.member == Subject(3, 41)
    assert verified.expires_at == MONDAY + HOUR
    assert (verified.issuer, verified.claims["aud"]) == (NAME, AUDIENCE)


async def test_a_minted_token_ends_at_its_time(tmp_path: Path) -> None:
    local = LocalIssuer.open(tmp_path)

    for late, holds in ((HOUR + dt.timedelta(seconds=59), True), (HOUR * 1.02, False)):
        verifier = Verifier([local.as_issuer()], (MONDAY + late).timestamp)
        if holds:
            assert (await verifier.verify(mint(local))).member == Subject(3, 41)
        else:
            with pytest.raises(NotAccepted, match="expired"):
                await verifier.verify(mint(local))


async def test_the_published_keys_verify_and_hold_nothing_private(tmp_path: Path) -> None:
    local = LocalIssuer.open(tmp_path)
    published = json.loads(json.dumps(local.jwks()))

    token = jwt.decode(mint(local), KeySet.import_key_set(published), algorithms=["ES256"])

    assert token.claims["sub"] == "3:41"
    [key] = published["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}


async def test_the_key_outlives_a_restart_and_is_its_owners_alone(tmp_path: Path) -> None:
    before = LocalIssuer.open(tmp_path)
    after = LocalIssuer.open(tmp_path)

    verified = await Verifier([after.as_issuer()], MONDAY.timestamp).verify(mint(before))

    assert verified.member == Subject(3, 41)
    assert stat.S_IMODE((tmp_path / "issuer.jwk").stat().st_mode) == 0o600


async def test_another_machines_tokens_are_not_taken(tmp_path: Path) -> None:
    here, there = LocalIssuer.open(tmp_path / "here"), LocalIssuer.open(tmp_path / "there")

    with pytest.raises(NotAccepted, match="no key of this name"):
        await Verifier([here.as_issuer()], MONDAY.timestamp).verify(mint(there))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"kty": "oct", "k": "c2VjcmV0"}',
        json.dumps(ECKey.generate_key("P-384").as_dict(private=True)),
        json.dumps(ECKey.generate_key("P-256").as_dict(private=False)),
    ],
)
def test_a_broken_key_file_is_one_sentence_with_the_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "issuer.jwk").write_text(content)
    (tmp_path / "issuer.jwk").chmod(0o600)

    with pytest.raises(CannotStart, match="does not hold a private P-256 key; remove it"):
        LocalIssuer.open(tmp_path)


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    LocalIssuer.open(tmp_path)
    (tmp_path / "issuer.jwk").chmod(0o644)

    with pytest.raises(CannotStart, match="is open to others"):
        LocalIssuer.open(tmp_path)


@pytest.mark.parametrize("seconds", [0, -1, 0.5, 24 * 3600 + 1])
def test_a_token_lives_no_longer_than_verifiers_allow(tmp_path: Path, seconds: float) -> None:
    local = LocalIssuer.open(tmp_path)

    with pytest.raises(ValueError, match="lives from 1 second to 24 hours"):
        mint(local, dt.timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("said", "environment", "another_is_configured", "is_there"),
    [
        (None, "development", False, True),
        (None, "development", True, False),
        (None, "production", False, False),
        (True, "development", True, True),
        (True, "production", True, True),
        (False, "development", False, False),
    ],
)
def test_the_local_issuer_goes_away_when_it_is_not_needed(
    tmp_path: Path, said: bool | None, environment: str, another_is_configured: bool, is_there: bool
) -> None:
    real = read_issuers(json.dumps([REAL])) if another_is_configured else ()
    settings = Settings().model_copy(
        update={
            "data_dir": tmp_path,
            "environment": environment,
            "local_issuer": said,
            "issuers": real,
        }
    )

    assert (local_issuer(settings) is not None) == is_there


@pytest.mark.parametrize(
    ("subject", "meant"),
    [
        ("3:41", Subject(3, 41)),
        ("3", None),
        ("3:", None),
        (":41", None),
        ("3:41:1", None),
        ("-3:41", None),
        ("3: 41", None),
        ("٣:41", None),
        ("³:41", None),
        ("3:9223372036854775808", None),
        ("3:" + "9" * 200, None),
    ],
)
def test_a_subject_names_one_member_of_one_workspace(subject: str, meant: Subject | None) -> None:
    assert subject_of({"sub": subject}) == meant
