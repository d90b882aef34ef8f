"""Makes the demo company through the product's own operations, as its own people would."""

import datetime as dt
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import structlog
import uvloop
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin, system
from app.database import sessions_on, web_engine
from app.demo import company, first_aid
from app.demo.company import Person
from app.demo.history import begin_in_the_past, invite_somebody
from app.demo.learning import Story, learn
from app.demo.remembering import remember
from app.demo.teaching import teach
from app.embedded import CannotStart
from app.settings import Settings
from models.identity import ConnectionKind, TokenKind
from models.workspaces import Workspace
from operations import (
    connections,
    directory,
    tokens,
    workspaces,
)
from operations.edge import Edge
from operations.identity import apply_user_change
from operations.people import catalog_of
from operations.statements import IdentityChange, Kind, Subject
from sync_engine.markers import Lane

log = structlog.get_logger("app.demo")

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens the demo company: secrets that are shown once, kept where only the owner reads.

    `certificate` is the code of one that was issued, `first_aid` a course and its quiz."""

    scim: str
    webhook_id: int
    webhook_secret: str
    tokens: dict[str, str]
    ids: dict[str, int]
    directory_ids: dict[str, str]
    certificate: str
    first_aid: list[int]


def keys_file(settings: Settings) -> Path:
    """Where the keys of the demo company are."""
    return settings.data_dir / "demo.json"


def read_keys(settings: Settings) -> Keys:
    """The keys of the demo company that was built here; raises CannotStart."""
    found = json.loads(keys_file(settings).read_text())
    if found.keys() != {each.name for each in fields(Keys)}:
        raise CannotStart(
            f"The company in {settings.data_dir} was made by another version of the demo. Make it"
            " anew: take that folder away, or name another with --data-dir."
        )
    return Keys(**found)


def build(settings: Settings) -> None:
    """Make the company, once: a second call finds it and changes nothing."""
    uvloop.run(_build(settings))
    remember(settings)


async def _build(settings: Settings) -> None:
    engine = web_engine(settings.database_address, application_name="coordinator demo")
    edge = Edge(sessions_on(engine))
    try:
        async with edge.read() as db:
            exists = await db.scalar(select(Workspace.id).where(Workspace.slug == company.SLUG))
        if exists is None:
            log.info("demo.building", company=company.NAME, people=company.PEOPLE)
            _keep(settings, await _make(edge, settings))
    finally:
        await engine.dispose()


def _keep(settings: Settings, keys: Keys) -> None:
    file = keys_file(settings)
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(keys), indent=1))


async def _make(edge: Edge, settings: Settings) -> Keys:
    """All or nothing: one transaction, so a start that was interrupted leaves no half company."""
    at = dt.datetime.now(dt.UTC)
    async with edge.transaction() as db:
        workspace = await workspaces.create(
            db,
            origin=Origin.CLI,
            slug=company.SLUG,
            name=company.NAME,
            time_zone=company.TIME_ZONE,
            at=at,
        )
        # Somebody moves every second here, so within an hour many have, and nothing is wrong.
        workspace.hold_minutes = 1
        by = system(workspace.id, Origin.CLI)
        scim, _ = await connections.create(
            db, by=by, name=company.DIRECTORY, kind=ConnectionKind.SCIM, at=at
        )
        webhook, secret = await connections.create(
            db,
            by=by,
            name=company.PAYROLL,
            kind=ConnectionKind.WEBHOOK,
            seals=settings.keys(),
            at=at,
        )
        provider = Caller(workspace.id, company.DIRECTORY, Origin.SCIM, connection_id=scim.id)
        ids, directory_ids = await _people(db, provider, at)
        await _team_leads(db, provider, ids, at)
        taught = await teach(db, by=by, ids=ids, at=at)
        await begin_in_the_past(db, by=by, ids=ids, at=at)
        await invite_somebody(db, by=by, ids=ids, academies=taught.academies, at=at)
        story = Story(db, by, ids, taught, at)
        certificate = await learn(story)
        await first_aid.call(story)
        looked_at = [taught.courses[first_aid.COURSE], taught.modules[first_aid.QUIZ]]
        shown = await _tokens(db, by, ids, at)
        _, scim_token = await tokens.create(
            db, by=by, kind=TokenKind.SCIM, name="Demo", connection_id=scim.id, at=at
        )
    return Keys(
        scim_token, webhook.id, secret or "", shown, ids, directory_ids, certificate, looked_at
    )


async def _people(
    db: AsyncSession, provider: Caller, at: dt.datetime
) -> tuple[dict[str, int], dict[str, str]]:
    catalog = await catalog_of(db, provider.workspace_id)
    ids: dict[str, int] = {}
    directory_ids: dict[str, str] = {}
    for person in company.everybody():
        change = IdentityChange(
            kind=Kind.USER_CHANGED,
            subject=Subject(user_name=person.user_name),
            attributes=_attributes(person),
            active=True,
            document=_document(person),
        )
        outcome = await apply_user_change(
            db, by=provider, change=change, at=at, lane=Lane.BULK, catalog=catalog
        )
        if outcome.member_id is None or outcome.directory_id is None:
            raise RuntimeError(f"{person.user_name} could not be added: {outcome.reason}")
        ids[person.user_name] = outcome.member_id
        directory_ids[person.user_name] = str(outcome.directory_id)
    return ids, directory_ids


def _attributes(person: Person) -> dict[str, Any]:
    return {
        "userName": person.user_name,
        "displayName": person.display_name,
        "givenName": person.given_name,
        "familyName": person.family_name,
        "title": person.title,
        "department": person.department,
        "country": person.country,
        "city": company.COUNTRIES[person.country],
        "hireDate": person.hire_date.isoformat(),
        "remote": person.is_remote,
        "emails": [person.user_name],
    }


def _document(person: Person) -> dict[str, Any]:
    """The same person as a SCIM client would have sent it."""
    return {
        "schemas": [CORE, ENTERPRISE],
        "userName": person.user_name,
        "displayName": person.display_name,
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "title": person.title,
        "active": True,
        "emails": [{"value": person.user_name, "type": "work", "primary": True}],
        "addresses": [
            {
                "type": "work",
                "country": person.country,
                "locality": company.COUNTRIES[person.country],
            }
        ],
        ENTERPRISE: {"department": person.department},
    }


async def _team_leads(
    db: AsyncSession, provider: Caller, ids: dict[str, int], at: dt.datetime
) -> None:
    group = await directory.create_group(db, by=provider, display_name="Team Leads", at=at)
    members = [ids[name] for name in company.TEAM_LEADS]
    await directory.move_members(db, by=provider, group=group, add=members, at=at, lane=Lane.BULK)


async def _tokens(
    db: AsyncSession, by: Caller, ids: dict[str, int], at: dt.datetime
) -> dict[str, str]:
    shown = {}
    for principal, user_name in company.SHOWN:
        _, text = await tokens.create(
            db,
            by=by,
            kind=TokenKind.PAT,
            name=f"Demo, {principal.value}",
            member_id=ids[user_name],
            at=at,
        )
        shown[principal.value] = text
    return shown
