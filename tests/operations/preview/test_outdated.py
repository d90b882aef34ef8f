"""A preview stands until something happens that could change what it says, and not a moment longer;
what has nothing to do with it leaves it standing (S9)."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin
from access.permissions import Principal
from models import journal
from models.catalog import CourseState
from models.identity import Connection, ConnectionKind
from models.journal import record
from models.segments import AttachmentMode
from operations import attributes, courses, directory, overrides, segments, workspaces
from operations.preview.basis import Basis
from operations.preview.change import SegmentChangeKind
from operations.refusals import Code, Refused
from sync_engine.rules import Attribute, AttributeType, Owner
from sync_engine.ticks import tick
from tests.furnishing import furnished
from tests.operations.preview.looking import Company, fill
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("S9")

K = SegmentChangeKind
Happens = Callable[[Company], Awaitable[object]]

RULE = 'department eq "Ops" and hireDate gt now-P9D or groups has "Crew"'
LOOKED_AT: dict[K, tuple[str, str | None, str | None]] = {
    K.EDIT_RULE: ("Sales", None, RULE),
    K.RESUME: ("City", None, None),
    K.ATTACH: ("Sales", "Welding", None),
    K.DETACH: ("Sales", "Safety", None),
    K.DELETE: ("Sales", None, None),
    K.PAUSE: ("Sales", None, None),
    K.CHANGE_MODE: ("Sales", "Safety", None),
}


@pytest.fixture
@furnished
async def office(world: World, sync_database: Engine) -> World:
    await fill(world)
    company = Company(world, sync_database)
    await company.rest()
    await company.life("pause", "City")
    await company.attach("Safety", "Named", AttachmentMode.SYNC)
    await world.member("Zoe", department="Finance")
    await world.course("Baking")
    await company.rest()
    return world


@pytest.fixture
def company(office: World, sync_database: Engine) -> Company:
    return Company(office, sync_database)


async def done_after(company: Company, kind: K, happens: Happens) -> Code | None:
    """How a change that was looked at is answered when something has happened in between."""
    segment, course, rule = LOOKED_AT[kind]
    change = company.meant(kind, segment, course, rule, AttachmentMode.FROZEN)
    basis = (await company.look(change)).basis
    await happens(company)
    try:
        await company.apply(change, basis)
    except Refused as refused:
        return refused.code
    return None


async def archive(company: Company, course: str = "Safety") -> None:
    world = company.world
    changes = {"state": CourseState.ARCHIVED}
    async with world.edge.transaction() as db:
        await courses.edit(db, by=world.system, course_id=world.courses[course], changes=changes)


async def rename(company: Company, **said: Any) -> None:
    world = company.world
    async with world.edge.transaction() as db:
        await segments.edit(db, by=world.system, segment_id=world.segments["Sales"], **said)


async def name_people(company: Company, segment: str = "Named", who: str = "Cy") -> None:
    world = company.world
    async with world.edge.transaction() as db:
        await segments.name_people(
            db,
            by=world.system,
            segment_id=world.segments[segment],
            member_ids=[world.members[who]],
        )
    await company.rest()


async def move(company: Company, who: str = "Cy") -> None:
    """Somebody leaves the segment, and the engine has seen it."""
    await company.change(who, "department", "Legal")
    await company.rest()


async def limit_all(company: Company) -> None:
    world = company.world
    async with world.edge.transaction() as db:
        await workspaces.set_segment_limit(db, by=world.system, limit=20)


async def define(company: Company) -> None:
    made = Attribute("shoeSize", AttributeType.NUMBER, Owner.ADMINISTRATOR)
    async with company.world.edge.transaction() as db:
        await attributes.edit(db, by=company.world.system, define=[made])


async def lift(company: Company) -> None:
    world = company.world
    async with world.edge.transaction() as db:
        await overrides.lift(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members["Ada"],
        )


async def next_day(company: Company) -> None:
    tick(company.engine, now=dt.datetime(2026, 3, 9, 12, tzinfo=dt.UTC))


def take(*step: Any) -> Happens:
    return lambda company: company.take(step)


ON_SAFETY: dict[str, Happens] = {
    "an instructor": take("role", "instructors", "Safety", "Zoe"),
    "a coordinator by hand": take("role", "coordinators", "Safety", "Zoe"),
    "an exclusion": take("say", "exclude", "Safety", "Ada"),
    "somebody kept": take("say", "keep", "Safety", "Zoe"),
    "another segment on the course": take("attach", "Safety", "City", AttachmentMode.SYNC),
    "one less": take("detach", "Safety", "Named"),
    "a mode": take("follow", "Safety", "Named", AttachmentMode.FROZEN),
    "an archived course": archive,
    "somebody more in another segment of the course": name_people,
}
OF_PEOPLE: dict[str, Happens] = {
    "somebody who leaves": take("account", "Ada", "leave"),
    "somebody who comes": take("account", "Pea", "join"),
    "somebody who moves": move,
    "an address": lambda company: company.world.change("Pea", emails=["pea@elsewhere.example"]),
}
OF_RULES: dict[str, Happens] = {
    "an attribute it names": take("change", "Zoe", "department", "Ops"),
    "a date it names": take("change", "Zoe", "hireDate", "2026-03-01"),
    "the day": next_day,
    "the schema": define,
    "somebody new": lambda company: company.world.member("Yan"),
}
MATTERS: list[tuple[K, Happens]] = [
    *(
        (kind, each)
        for kind in (K.EDIT_RULE, K.DETACH, K.DELETE, K.CHANGE_MODE)
        for each in ON_SAFETY.values()
    ),
    *(
        (kind, each)
        for kind in (K.EDIT_RULE, K.ATTACH, K.DETACH, K.DELETE, K.CHANGE_MODE)
        for each in OF_PEOPLE.values()
    ),
    *((K.EDIT_RULE, each) for each in OF_RULES.values()),
    (K.ATTACH, take("limit", "Welding", 3)),
    (K.ATTACH, limit_all),
    (K.ATTACH, take("role", "end", "Welding", "Bo")),
    (K.ATTACH, take("attach", "Welding", "Named", AttachmentMode.SYNC)),
    (K.DELETE, take("attach", "Old", "Sales", AttachmentMode.SYNC)),
    (K.DETACH, take("follow", "Safety", "Sales", AttachmentMode.ADD_ONLY)),
    (K.CHANGE_MODE, take("follow", "Safety", "Sales", AttachmentMode.FROZEN)),
    (K.EDIT_RULE, take("hold", 3, 0)),
    (K.EDIT_RULE, lambda company: rename(company, rule='department eq "Legal"')),
    (K.EDIT_RULE, take("life", "pause", "Sales")),
    (K.PAUSE, lambda company: rename(company, rule='department eq "Legal"')),
    (K.RESUME, take("change", "Zoe", "city", "Oslo")),
]
UNRELATED: dict[str, Happens] = {
    "a name": lambda company: rename(company, name="Sellers"),
    "an attribute no rule asks for": lambda company: company.world.change("Ada", title="Dr"),
    "a role elsewhere": take("role", "instructors", "Baking", "Zoe"),
    "a word elsewhere": take("say", "exclude", "Baking", "Ada"),
    "a right": lambda company: company.world.grant("Zoe", Principal.WORKSPACE_MANAGER),
    "an archived course elsewhere": lambda company: archive(company, "Baking"),
    "a new course": lambda company: company.world.course("Juggling"),
    "a new segment": lambda company: company.world.segment("More", people_named=["Ada"]),
}


@pytest.mark.parametrize(
    ("kind", "happens"),
    MATTERS,
    ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(MATTERS)],
)
async def test_what_could_matter_outdates_a_preview(
    company: Company, kind: K, happens: Happens
) -> None:
    before = await company.rows()
    assert await done_after(company, kind, happens) is Code.PREVIEW_OUTDATED
    assert (await company.rows()).people_in.keys() >= before.people_in.keys()


async def test_the_account_of_somebody_whom_only_a_mode_keeps_matters_to_its_end(
    company: Company,
) -> None:
    await company.follow("Safety", "Sales", AttachmentMode.FROZEN)
    await move(company)

    assert await done_after(company, K.DETACH, take("account", "Cy", "leave")) is (
        Code.PREVIEW_OUTDATED
    )


@pytest.mark.parametrize("kind", LOOKED_AT)
async def test_what_has_nothing_to_do_with_it_leaves_a_preview_standing(
    company: Company, kind: K
) -> None:
    async def all_of_it(company: Company) -> None:
        for happens in UNRELATED.values():
            await happens(company)
        await company.rest()

    assert await done_after(company, kind, all_of_it) is None


async def test_a_group_matters_to_a_rule_that_asks_for_groups(company: Company) -> None:
    world = company.world
    async with world.edge.transaction() as db:
        made = Connection(
            workspace_id=world.workspace_id, name="Okta", kind=ConnectionKind.SCIM, dropped={}
        )
        db.add(made)
        await db.flush()
        okta = Caller(world.workspace_id, "Okta", Origin.SCIM, connection_id=made.id)

    async def gather(_: Company) -> None:
        async with world.edge.transaction() as db:
            await directory.create_group(db, by=okta, display_name="Crew", at=MONDAY)

    assert await done_after(company, K.EDIT_RULE, gather) is Code.PREVIEW_OUTDATED
    assert await done_after(company, K.DETACH, gather_more(world, okta)) is None


def gather_more(world: World, okta: Caller) -> Happens:
    async def gather(_: Company) -> None:
        async with world.edge.transaction() as db:
            await directory.create_group(db, by=okta, display_name="Band", at=MONDAY)

    return gather


async def test_a_preview_is_of_one_change_in_one_workspace(
    company: Company, sessions: async_sessionmaker[AsyncSession]
) -> None:
    one = company.meant(K.EDIT_RULE, "Sales", rule='department eq "Ops"')
    other = company.meant(K.EDIT_RULE, "Sales", rule='department eq "Legal"')
    basis = (await company.look(one)).basis
    abroad = await World.new(sessions, "abroad")

    with pytest.raises(Refused) as refused:
        await company.apply(other, basis)
    assert refused.value.code is Code.BAD_USER_INPUT
    with pytest.raises(Refused) as refused:
        await company.apply(one, Basis(basis.digest, abroad.workspace_id, basis.epoch, basis.seq))
    assert refused.value.code is Code.BAD_USER_INPUT
    with pytest.raises(Refused) as refused:
        await company.apply(one, Basis(basis.digest, basis.workspace_id, uuid.uuid4(), basis.seq))
    assert refused.value.code is Code.PREVIEW_OUTDATED


async def test_nothing_slips_between_the_check_and_the_change(company: Company) -> None:
    """A change that is written, but not committed, when a preview is applied: whoever is first to
    number what happened goes first, and the other one is seen or comes after."""
    world = company.world
    change = company.meant(K.DETACH, "Sales", "Safety")
    basis = (await company.look(change)).basis
    async with world.edge.transaction() as db:
        member = world.members["Cy"]
        await db.execute(
            text("UPDATE membership SET until = now() WHERE member_id = :m AND until IS NULL"),
            {"m": member},
        )
        detail = {"segments": {str(world.segments["Sales"]): {"added": [], "removed": [member]}}}
        record(db, by=world.system, verb="membership.changed", detail=detail)
        await journal.flush(db)
        applying = asyncio.create_task(company.apply(change, basis))
        await asyncio.sleep(0.3)
        assert not applying.done()

    with pytest.raises(Refused) as refused:
        await applying
    assert refused.value.code is Code.PREVIEW_OUTDATED
