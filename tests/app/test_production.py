"""Production does not start on what is only good for trying; whoever insists says it aloud."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Origin
from app.asgi import create_app
from app.demo import company
from app.embedded import CannotStart
from app.preflight import check_production
from app.settings import Settings, WrongSetting, read_settings
from operations import workspaces
from operations.edge import Edge
from tests.app.cli.program import run
from tests.world import MONDAY

pytestmark = pytest.mark.timeout(180)

KEY = "mZ3v8Qk0b2hJx1c9T7yWq4uRr5sEe6oPp0aAdDfFgGg="
OTHER = base64.b64encode(bytes(range(32))).decode()
NOBODYS_REDIS = "redis://127.0.0.1:1/0"
WAY_OUT = "whoever insists says COORDINATOR_ACCEPT_UNSAFE=demo_data."


def production(database_url: str, **given: Any) -> Settings:
    return read_settings(
        **{
            "environment": "production",
            "database_url": database_url,
            "redis_url": NOBODYS_REDIS,
            "keyring": f"k1:{KEY}",
            "public_url": "https://lms.example.com",
            "smtp_url": "smtp://mail.example.com:587",
            "mail_from": "LMS <no-reply@example.com>",
            "storage_url": "s3://files",
            **given,
        }
    )


async def demo(sessions: async_sessionmaker[AsyncSession]) -> None:
    async with Edge(sessions).transaction() as db:
        await workspaces.create(
            db,
            origin=Origin.CLI,
            slug=company.SLUG,
            name=company.NAME,
            time_zone=company.TIME_ZONE,
            at=MONDAY,
        )


async def test_neither_web_nor_workers_start_on_the_demo_company(
    sessions: async_sessionmaker[AsyncSession], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    await demo(sessions)
    settings = production(database_url, redis_url=redis_url, data_dir=tmp_path)

    app = create_app(settings)
    with pytest.raises(CannotStart, match="the demo company must not be in the database"):
        async with app.router.lifespan_context(app):
            pass
    worker = run(
        "worker",
        given={
            "COORDINATOR_ENVIRONMENT": "production",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "COORDINATOR_KEYRING": f"k1:{KEY}",
            "COORDINATOR_PUBLIC_URL": "https://lms.example.com",
            "COORDINATOR_SMTP_URL": "smtp://mail.example.com:587",
            "COORDINATOR_MAIL_FROM": "no-reply@example.com",
            "COORDINATOR_STORAGE_URL": "s3://files",
        },
    )

    assert worker.code != 0
    assert WAY_OUT in worker.err
    assert "Traceback" not in worker.err


async def test_the_demo_company_is_accepted_when_that_is_said_and_it_is_logged(
    sessions: async_sessionmaker[AsyncSession], database_url: str
) -> None:
    await demo(sessions)

    with structlog.testing.capture_logs() as logged:
        check_production(production(database_url, accept_unsafe="demo_data, graphiql"))

    assert logged == [
        {
            "event": "production.unsafe",
            "log_level": "warning",
            "accepted": ["demo_data", "graphiql"],
        }
    ]


async def test_another_company_of_that_name_is_not_the_demo_company(
    sessions: async_sessionmaker[AsyncSession], database_url: str
) -> None:
    async with Edge(sessions).transaction() as db:
        await workspaces.create(
            db,
            origin=Origin.CLI,
            slug=company.SLUG,
            name="Northwind Oy",
            time_zone="UTC",
            at=MONDAY,
        )

    with structlog.testing.capture_logs() as logged:
        check_production(production(database_url))

    assert logged == []


def test_outside_production_everything_may_be_tried(database_url: str) -> None:
    check_production(read_settings(database_url=database_url, keyring=f"k1:{KEY},k2:{KEY}"))


@pytest.mark.parametrize(
    ("keyring", "said"),
    [
        (f"k1:{KEY},k2:{KEY}", "there twice, under two names, so nothing was rotated"),
        (f"k1:{KEY},k2:{OTHER},k3:{KEY}", "'k3' on the key ring is there twice"),
        ("k1:c2hvcnQ=", "is 5 bytes of base64 and must be 32"),
        (f"k1:{base64.b64encode(bytes(32)).decode()}", "is not random"),
        (f"k1:{base64.b64encode(b'change-me!' * 4)[:44].decode()}", "on the key ring is"),
        ("k1:", "is 0 bytes"),
        ("secret", "is 0 bytes of base64 and must be 32"),
    ],
)
def test_secrets_that_anybody_could_have_are_refused(
    database_url: str, keyring: str, said: str
) -> None:
    with pytest.raises(CannotStart, match=said) as refusal:
        check_production(production(database_url, keyring=keyring))

    assert "openssl rand -base64 32" in str(refusal.value)
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize("place", ["issuer", "jwks_uri", "endpoint"])
def test_issuers_that_speak_http_are_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("LMS_SECRET", "hunter2")
    asked = {"client_id": "lms", "client_secret_env": "LMS_SECRET"}
    issuer: dict[str, Any] = {
        "issuer": "https://id.example.com",
        "audience": "urn:lms",
        "match": "externalId",
        "workspaces": ["acme"],
        "introspection": asked,
    }
    (asked if place == "endpoint" else issuer)[place] = "http://127.0.0.1:9"
    written = json.dumps([issuer])

    with pytest.raises(WrongSetting) as refusal:
        production(database_url, issuers=written)

    assert str(refusal.value) == (
        "In production COORDINATOR_ISSUERS must not speak http, not even on this machine; "
        "whoever insists says COORDINATOR_ACCEPT_UNSAFE=http_issuers."
    )
    assert production(database_url, issuers=written, accept_unsafe="http_issuers").issuers


def test_there_is_no_local_issuer_in_production_unless_it_is_insisted_on(
    database_url: str,
) -> None:
    assert not production(database_url).has_local_issuer
    with pytest.raises(WrongSetting, match="whoever reads its key is anybody"):
        production(database_url, local_issuer=True)
    insisting = production(database_url, local_issuer=True, accept_unsafe="local_issuer")
    assert insisting.has_local_issuer
