"""Who sees what of the journal: the database's answer, beside a naive reading of every row (A3)."""

import datetime as dt
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from access.caller import Caller, Origin
from access.permissions import Condition, Permission, Principal, conditions_of, holders_of
from models.catalog import ModuleKind
from models.coordinators import CourseRoleKind
from models.identity import ConnectionKind
from models.journal import ABOUT_BILLING_MAIL, JournalEntry, record
from models.people import MemberState
from operations import audit, billing, billing_mail, connections, coordinators, modules
from operations.audit import Filters
from operations.refusals import Code, Denied, Refused
from tests.world import MONDAY, World

WHOLE = "Mo"
PARTS = ("Fay", "Dan", "Ina", "Uma")
EVERYTHING = Filters()
NOBODY = ("Ivy", "Cleo", "Enno", "Tea", "Edda", "Lea", "Max", "Kim", "Gone")


async def say(world: World, verb: str, by: Caller | None = None, **about: Any) -> None:
    async with world.edge.transaction() as db:
        record(db, by=by or world.system, verb=verb, **about)


async def office(world: World) -> None:
    """Everybody the matrix knows, two departments, and money."""
    for name in (WHOLE, *PARTS, *NOBODY):
        await world.member(name)
    await world.course("Safety", instructors=["Ina"], coordinators_by_hand=["Kim"])
    await world.course("Welding")
    await world.course("Law", department="Legal", instructors=["Uma"])
    async with world.edge.transaction() as db:
        training = world.departments["Training"]
        await modules.create(
            db, by=world.system, department_id=training, title="Goggles", kind=ModuleKind.LESSON
        )
    await world.grant(WHOLE, Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Uma", Principal.FINANCE_MANAGER)
    await world.grant("Uma", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Ivy", Principal.INVITE)
    await world.grant("Cleo", Principal.DEPT_CREATE, department="Training")
    await world.grant("Enno", Principal.DEPT_ENROLL, department="Training")
    await world.grant("Tea", Principal.COURSE_TEACH, course="Safety")
    await world.grant("Edda", Principal.COURSE_EDIT, course="Safety")
    await world.enrol("Safety", "Lea")
    await world.grant("Gone", Principal.WORKSPACE_MANAGER)
    await say(world, "invoice.issued", after={"number": 1})
    await say(world, "payment_method.changed", world.caller("Fay"), reason="The card has expired.")
    await say(world, "mail.sent", detail={"kind": "INVOICE"})
    await say(world, "mail.sent", detail={"kind": "INVITATION"})
    await say(world, "mailbox.emptied", detail={"kind": "INVOICE"})
    await world.set_state("Gone", MemberState.DEACTIVATED)


async def rows_of(world: World) -> list[JournalEntry]:
    async with world.edge.read() as db:
        found = await db.scalars(
            select(JournalEntry)
            .where(JournalEntry.workspace_id == world.workspace_id)
            .order_by(JournalEntry.seq.desc())
        )
        return list(found)


def is_seen(world: World, name: str, row: JournalEntry) -> bool:
    """The rule of the matrix, in a person's words."""
    training = world.departments["Training"]
    is_money = row.verb.split(".")[0] in {"billing", "invoice", "payment_method"} or (
        row.verb.startswith("mail.") and row.detail is not None and row.detail["kind"] == "INVOICE"
    )
    return {
        "Mo": True,
        "Fay": is_money,
        "Dan": row.department_id == training,
        "Ina": row.course_id == world.courses["Safety"],
        "Uma": is_money or row.department_id == training or row.course_id == world.courses["Law"],
    }[name]


async def seen(world: World, by: Caller, filters: Filters = EVERYTHING) -> list[int]:
    """All numbers, read in pages of three, and counted."""
    found: list[int] = []
    async with world.edge.read() as db:
        while page := await audit.list_entries(
            db, by=by, filters=filters, before_seq=found[-1] if found else None, limit=3
        ):
            found += [row.seq for row in page]
        assert await audit.count_entries(db, by=by, filters=filters) == len(found)
    return found


@pytest.mark.spec("A3")
async def test_everybody_sees_exactly_what_the_matrix_gives_them(world: World) -> None:
    await office(world)
    rows = await rows_of(world)

    for name in (WHOLE, *PARTS):
        expected = [row.seq for row in rows if is_seen(world, name, row)]
        assert await seen(world, world.caller(name)) == expected, name
        assert expected
    assert await seen(world, world.system) == [row.seq for row in rows]


@pytest.mark.parametrize("name", NOBODY)
async def test_nobody_else_sees_that_there_is_a_journal(world: World, name: str) -> None:
    await office(world)
    by = world.caller(name)

    async with world.edge.read() as db:
        for asking in (
            audit.list_entries(db, by=by, filters=Filters()),
            audit.count_entries(db, by=by, filters=Filters(member_id=by.member_id)),
            audit.begin_export(db, by=by, filters=Filters(), format="csv"),
            audit.export_page(db, by=by, filters=Filters(), after_seq=0, up_to=9, limit=9),
        ):
            with pytest.raises(Denied):
                await asking


async def test_a_provider_and_a_token_for_something_else_are_denied(world: World) -> None:
    await office(world)
    async with world.edge.transaction() as db:
        made, _ = await connections.create(
            db, by=world.system, name="Okta", kind=ConnectionKind.SCIM, at=MONDAY
        )
    provider = Caller(world.workspace_id, "Okta", Origin.SCIM, connection_id=made.id)
    manager = world.caller(WHOLE)
    scoped = replace(manager, limited_to=frozenset({Permission.VIEW_BILLING}))
    fitting = replace(manager, limited_to=frozenset({Permission.VIEW_AUDIT_LOG}))

    async with world.edge.read() as db:
        for by in (provider, scoped):
            with pytest.raises(Denied):
                await audit.list_entries(db, by=by, filters=Filters())
    assert await seen(world, fitting) == [row.seq for row in await rows_of(world)]


async def test_an_instructor_reads_while_being_one(world: World) -> None:
    await office(world)
    assert await seen(world, world.caller("Ina"))

    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            role=CourseRoleKind.INSTRUCTOR,
            member_ids=[world.members["Ina"]],
        )

    async with world.edge.read() as db:
        with pytest.raises(Denied):
            await audit.list_entries(db, by=world.caller("Ina"), filters=Filters())


async def test_what_a_course_was_part_of_then_counts(world: World) -> None:
    """A course that moves takes nothing of its past along."""
    await office(world)
    before = await seen(world, world.caller("Dan"))
    moved = {"course": world.courses["Safety"], "department": world.departments["Legal"]}
    async with world.edge.transaction() as db:
        await db.execute(
            text("UPDATE course SET department_id = :department WHERE id = :course"), moved
        )
        record(db, by=world.system, verb="course.edited", course_id=world.courses["Safety"])

    assert await seen(world, world.caller("Dan")) == before
    async with world.edge.read() as db:
        [newest] = await audit.list_entries(db, by=world.caller("Mo"), filters=Filters(), limit=1)
    assert newest.department_id == world.departments["Legal"]


async def test_entries_about_what_a_department_owns_say_so(world: World) -> None:
    await office(world)
    training, legal = world.departments["Training"], world.departments["Legal"]
    owners = {(row.verb, row.department_id) for row in await rows_of(world)}

    assert {("department.created", training), ("department.created", legal)} <= owners
    assert {("course.created", training), ("course.created", legal)} <= owners
    assert {("module.created", training), ("instructor.assigned", legal)} <= owners
    assert {("grant.given", training), ("learner.assigned", training)} <= owners
    assert {("workspace.created", None), ("member.added", None)} <= owners


async def test_what_is_known_about_people_stays_out_of_what_departments_and_courses_show(
    world: World,
) -> None:
    await office(world)
    await world.member("Nia", country="Atlantis", email="nia@private.example")
    await world.segment("Islanders", 'country eq "Atlantis"')
    await world.attach("Safety", "Islanders")
    await world.enrol("Safety", "Nia")
    await world.change("Nia", country="Lemuria")
    async with world.edge.read() as db:
        shown = [
            str((row.before, row.after, row.detail, row.reason))
            for name in ("Dan", "Ina")
            for row in await audit.list_entries(
                db, by=world.caller(name), filters=EVERYTHING, limit=100
            )
        ]

    assert any("Islanders" in each for each in shown)
    for secret in ("Atlantis", "Lemuria", "@"):
        assert not [each for each in shown if secret in each]


FILTERS: tuple[tuple[str, Callable[[JournalEntry, Any], bool]], ...] = (
    ("verbs", lambda row, verbs: any(_is_verb(row.verb, each) for each in verbs)),
    ("by_member_id", lambda row, id: row.by_member_id == id),
    ("by_system", lambda row, _: row.by_member_id is None and row.by_connection_id is None),
    ("member_id", lambda row, id: row.member_id == id),
    ("course_id", lambda row, id: row.course_id == id),
    ("segment_id", lambda row, id: row.segment_id == id),
    ("department_id", lambda row, id: row.department_id == id),
    ("origins", lambda row, origins: row.origin in origins),
    ("cause", lambda row, cause: row.cause == cause),
    ("since", lambda row, since: row.at >= since),
    ("until", lambda row, until: row.at < until),
    ("reason", lambda row, part: part.lower() in (row.reason or "").lower()),
)


def _is_verb(verb: str, asked: str) -> bool:
    return verb.startswith(asked[:-1]) if asked.endswith("*") else verb == asked


def values_for(name: str, row: JournalEntry, dice: random.Random) -> Any:
    """What one could filter by, having seen this row."""
    noun = row.verb.partition(".")[0]
    return {
        "verbs": dice.choice([(row.verb,), (f"{noun}.*", "course.created"), (f"{row.verb[:4]}*",)]),
        "by_system": True,
        "origins": (Origin(row.origin),),
        "since": row.at,
        "until": row.at + dt.timedelta(microseconds=dice.choice([0, 1])),
        "reason": dice.choice(["CARD", "100%", "_"]),
    }.get(name, getattr(row, name, None))


def some_filters(rows: list[JournalEntry], dice: random.Random) -> Iterator[dict[str, Any]]:
    for name, _ in FILTERS:
        yield {name: values_for(name, dice.choice(rows), dice)}
    for _ in range(40):
        row = dice.choice(rows)
        names = dice.sample([name for name, _ in FILTERS], 2)
        yield {name: values_for(name, row, dice) for name in names}


async def test_every_filter_gives_what_a_naive_reading_gives(world: World) -> None:
    await office(world)
    rows = await rows_of(world)
    dice = random.Random(20261122)
    keeps = dict(FILTERS)
    found = 0

    for chosen in some_filters(rows, dice):
        for name in (WHOLE, *PARTS):
            expected = [
                row.seq
                for row in rows
                if is_seen(world, name, row)
                and all(keeps[key](row, value) for key, value in chosen.items() if value)
            ]
            assert await seen(world, world.caller(name), Filters(**chosen)) == expected, chosen
            found += len(expected)
    assert found > 500


@pytest.mark.parametrize(
    "filters",
    [
        Filters(verbs=["Course.Edited"]),
        Filters(verbs=["%"]),
        Filters(verbs=["course.edited"] * 51),
        Filters(reason="x" * 201),
    ],
)
async def test_filters_that_mean_nothing_are_refused(world: World, filters: Filters) -> None:
    async with world.edge.read() as db:
        with pytest.raises(Refused) as refusal:
            await audit.list_entries(db, by=world.system, filters=filters)
    assert refusal.value.code is Code.BAD_USER_INPUT


async def test_two_tenants_have_two_journals(world: World) -> None:
    await office(world)
    other = await World.new(world.edge.sessions, "globex")
    await other.member("Mo")
    await other.grant("Mo", Principal.WORKSPACE_MANAGER)

    assert await seen(other, other.caller("Mo")) == [row.seq for row in await rows_of(other)]
    crossed = replace(other.caller("Mo"), member_id=world.members["Mo"])
    async with other.edge.read() as db:
        with pytest.raises(Denied):
            await audit.list_entries(db, by=crossed, filters=Filters())


def test_every_condition_of_the_matrix_is_met_here() -> None:
    handled = {Condition.BILLING_EVENTS_ONLY, Condition.WITHIN_OWN_SCOPE}

    assert set(conditions_of(Permission.VIEW_AUDIT_LOG)) == handled
    assert {who for who, _ in holders_of(Permission.VIEW_AUDIT_LOG)} == {
        *(Principal.WORKSPACE_MANAGER, Principal.FINANCE_MANAGER),
        *(Principal.DEPARTMENT_MANAGER, Principal.INSTRUCTOR),
    }


def test_what_the_index_calls_billing_mail_is_what_billing_calls_so() -> None:
    kinds = ", ".join(f"'{kind}'" for kind in billing_mail.KINDS)

    assert f"detail ->> 'kind' IN ({kinds})" == ABOUT_BILLING_MAIL
    assert all(verb.endswith(".") for verb in billing.VERBS)


async def test_a_cause_nobody_had_finds_nothing(world: World) -> None:
    assert await seen(world, world.system, Filters(cause=uuid.uuid4())) == []
