"""Ids of another workspace give, through every root field, what ids of nothing give (A2, F1)."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.catalog import Course, CourseKind
from models.identity import TokenKind
from models.jobs import FileFormat, JobKind
from models.progress import AttemptOrigin
from operations import tokens
from operations.certificates import issuing
from operations.jobs import asking
from operations.learning import attempts
from operations.live_sessions import scheduling
from resolvers.ids import encode
from schema.schema import schema
from tests.content import GRADED_BY_ITSELF
from tests.proof.town_content import attach
from tests.resolvers.asking import Ask
from tests.taking import RIGHT, take, teach
from tests.world import MONDAY, World

GRAPHQL = schema._schema
MISSING = 2_000_000_000
AHEAD = dt.datetime(2040, 1, 1, 9, tzinfo=dt.UTC)
PLACE = re.compile(rb'"cursor":"[^"]+"')
"""Where in the journal an answer was given: no two are alike of what was asked for and recorded."""

OTHER_VALUES: dict[str, Any] = {
    "answers": [{"question": 1, "choices": ["11"]}],
    "atVersion": 1,
    "before": 1,
    "changes": {"department": "Sales"},
    "content": {"lesson": {"markdown": "A word"}},
    "endsAt": "2040-01-01T10:00:00Z",
    "entries": [],
    "grades": [{"question": 6, "points": "1"}],
    "isEnabled": True,
    "limit": 5,
    "name": "A name",
    "reason": "A reason",
    "startsAt": "2040-01-01T09:00:00Z",
    "text": "e",
    "timeZone": "UTC",
    "title": "A title",
    "toVersion": 1,
    "version": 1,
}
"""What required arguments that are no ids are given."""


def noun_of(field: str, argument: str) -> str:
    """What kind of thing an id argument names."""
    if argument in {"id", "ids", "on"}:
        is_any = field.startswith("node") or argument == "on"
        for verb in ("approve", "discard", "undo"):
            field = field.removeprefix(verb)
        return "Course" if is_any else f"{field[:1].upper()}{field[1:]}"
    if argument == "attachmentId":
        return "Attachment"
    noun = argument.removesuffix("s").removesuffix("Id")
    for verb in ("add", "remove", "order", "attach", "detach", "by"):
        noun = noun.removeprefix(verb)
    if noun == "group":
        return "LearnerGroup"
    people = {"instructor", "coordinator", "staff"}
    return "Member" if noun.lower() in people else noun[:1].upper() + noun[1:]


def some(name: str, argument: GraphQLArgument) -> Any:
    """A value for an argument that is no id: of an enum the first."""
    kind = get_named_type(argument.type)
    return next(iter(kind.values)) if isinstance(kind, GraphQLEnumType) else OTHER_VALUES[name]


def is_id(argument: GraphQLArgument) -> bool:
    return bool(get_named_type(argument.type).name == "ID")


def questions() -> Iterator[tuple[GraphQLObjectType, str, str]]:
    """Every root field and every id argument of it."""
    for root in (GRAPHQL.query_type, GRAPHQL.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            for argument, declared in field.args.items():
                if is_id(declared):
                    yield root, name, argument


def selection(type_: GraphQLNamedType) -> str:
    """Every field that needs no argument; of objects only their kind."""
    if type_.name == "Refusal":
        return "{ code message path ... on PlainRefusal { details } }"
    fields = getattr(type_, "fields", {})
    shown = ["__typename"]
    for name, field in fields.items():
        kind = get_named_type(field.type)
        below = "" if is_leaf_type(kind) else " { __typename }"
        below = selection(kind) if kind.name == "Refusal" else below
        if not any(is_required_argument(each) for each in field.args.values()):
            shown.append(f"{name}{below}")
    return "{ " + " ".join(shown) + " }"


def document(
    root: GraphQLObjectType, name: str, asked: str, own: dict[str, str]
) -> tuple[str, dict[str, Any], bool]:
    """A document that asks for `$asked`, with own things in the other required arguments; the
    other variables; and whether the id stands in a list."""
    field = root.fields[name]
    given: dict[str, Any] = {}
    for argument, declared in field.args.items():
        if argument != asked and is_required_argument(declared):
            value = own[noun_of(name, argument)] if is_id(declared) else some(argument, declared)
            given[argument] = [value] if "[" in str(declared.type) else value
    kinds = {each: str(field.args[each].type) for each in (*given, asked)}
    head = ", ".join(f"${each}: {kind}" for each, kind in kinds.items())
    body = ", ".join(f"{each}: ${each}" for each in kinds)
    operation = "mutation" if root is GRAPHQL.mutation_type else "query"
    below = selection(get_named_type(field.type))
    text = f"{operation} ({head}) {{ {name}({body}) {below} }}"
    return text, given, "[" in kinds[asked]


async def furnish(world: World) -> dict[str, str]:
    """One of everything, managed by somebody called Mona; the ids by kind."""
    await world.member("Mona")
    await world.member("Lea")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety")
    await world.group("Spring", course="Safety")
    await world.module("Ladders", courses=["Safety"])
    await world.segment("Named", people_named=["Lea"])
    async with world.edge.transaction() as db:
        connection = await db.scalar(
            text(
                "INSERT INTO connection (workspace_id, name, kind)"
                " VALUES (:workspace, 'Directory', 'WEBHOOK') RETURNING id"
            ),
            {"workspace": world.workspace_id},
        )
        delivery = await db.scalar(
            text(
                "INSERT INTO inbox_delivery"
                " (workspace_id, connection_id, delivery_id, body, status)"
                " VALUES (:workspace, :connection, 'one', '', 'QUARANTINED') RETURNING id"
            ),
            {"workspace": world.workspace_id, "connection": connection},
        )
        token, _ = await tokens.create(
            db,
            by=world.system,
            kind=TokenKind.PAT,
            name="Dashboard",
            member_id=world.members["Lea"],
            at=MONDAY,
        )
        job = await asking.request(
            db,
            by=world.caller("Mona"),
            kind=JobKind.MEMBERS,
            format=FileFormat.CSV,
            course_id=None,
            parameters={},
            at=MONDAY,
        )
    return {
        **await _learning(world),
        **await _of_the_engine(world),
        "Job": encode("Job", job.id),
        "Token": token.id,
        "Course": encode("Course", world.courses["Safety"]),
        "Module": encode("Module", world.modules["Ladders"]),
        "LearnerGroup": encode("LearnerGroup", world.groups["Spring"]),
        "Member": encode("Member", world.members["Lea"]),
        "Segment": encode("Segment", world.segments["Named"]),
        "Department": encode("Department", world.departments["Training"]),
        "Connection": encode("Connection", connection or 0),
        "Delivery": encode("Delivery", delivery or 0),
    }


async def call_off_files(world: World) -> None:
    """Whoever has asked for a file may ask for another."""
    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE job SET state = 'CANCELED' WHERE state = 'QUEUED'"))


async def _of_the_engine(world: World) -> dict[str, str]:
    """What the engine leaves: a change set, and a removal that waits."""
    about = {"w": world.workspace_id, "segment": world.segments["Named"]}
    who = {"member": world.members["Lea"]}
    async with world.edge.transaction() as db:
        change_set = await db.scalar(
            text(
                "INSERT INTO change_set (workspace_id, kind, causes, watermark, epoch, today,"
                " examined, added, removed, suppressed, segment_ids, at)"
                " VALUES (:w, 'people', '{}', 1, 1, now(), 1, 1, 0, 0, ARRAY[:segment], now())"
                " RETURNING id"
            ),
            about,
        )
        hold = await db.scalar(
            text(
                "INSERT INTO hold (workspace_id, segment_id, most, people, counted, held)"
                " VALUES (:w, :segment, 10, 20, 11, 1) RETURNING id"
            ),
            about,
        )
        await db.execute(
            text(
                "INSERT INTO held_removal (segment_id, member_id, workspace_id, hold_id)"
                " VALUES (:segment, :member, :w, :hold)"
            ),
            about | who | {"hold": hold},
        )
    return {"ChangeSet": encode("ChangeSet", change_set or 0), "Hold": encode("Hold", hold or 0)}


async def _learning(world: World) -> dict[str, str]:
    """What comes of teaching: a file, answers, a certificate, a live session."""
    await teach(world, "Safety", Quiz=GRADED_BY_ITSELF)
    await world.enrol("Safety", "Lea")
    submission = await take(world, "Lea", "Safety", "Quiz", RIGHT)
    course_id, by, at = world.courses["Safety"], world.system, MONDAY
    async with world.edge.transaction() as db:
        people = [world.members["Lea"]]
        manual = AttemptOrigin.MANUAL
        await attempts.complete(
            db, by=by, course_id=course_id, member_ids=people, origin=manual, at=at
        )
        certificate = await issuing.generate(
            db, by=by, course_id=course_id, member_id=people[0], at=at
        )
    async with world.edge.transaction() as db:
        row = await db.get_one(Course, course_id)
        row.kind = CourseKind.INSTRUCTOR_LED
    async with world.edge.transaction() as db:
        said = {
            "title": "Talk",
            "starts_at": AHEAD,
            "ends_at": AHEAD + dt.timedelta(hours=1),
            "time_zone": "UTC",
        }
        talk = await scheduling.create(
            db, by=by, course_id=course_id, said=said, staff_ids=[], at=at
        )
    return {
        "Attachment": encode("Attachment", await attach(world, "Ladders")),
        "Submission": encode("Submission", submission.id),
        "Certificate": encode("Certificate", certificate.id),
        "LiveSession": encode("LiveSession", talk.id),
    }


def missing(noun: str) -> str:
    """The id of nothing: numbers of most things, the clear part of a token."""
    return "0" * 16 if noun == "Token" else encode(noun, MISSING)


@pytest.fixture
async def rival(sessions: async_sessionmaker[AsyncSession]) -> World:
    return await World.new(sessions, "rival")


async def test_ids_of_another_workspace_are_ids_of_nothing_through_every_root_field(
    world: World, rival: World, ask: Ask
) -> None:
    theirs, own = await furnish(rival), await furnish(world)
    before = await rival.verbs()
    told_apart, asked_for = [], 0

    for root, name, argument in questions():
        noun = noun_of(name, argument)
        text, given, is_list = document(root, name, argument, own)
        answers = []
        for id in (theirs[noun], missing(noun)):
            variables = given | {argument: [id] if is_list else id}
            answer = await ask.bytes(text, by="Mona", **variables)
            assert b"VALIDATION" not in answer, (text, answer)
            assert b"INTERNAL" not in answer, (text, answer)
            answers.append(PLACE.sub(b"", answer.replace(id.encode(), b"ID")))
            await call_off_files(world)
        asked_for += 1
        if answers[0] != answers[1]:
            told_apart.append((name, argument, answers))

    assert told_apart == []
    assert asked_for > 140
    assert await rival.verbs() == before


async def test_a_person_of_another_workspace_in_both_lists_is_not_named(
    world: World, rival: World, ask: Ask
) -> None:
    theirs, own = await furnish(rival), await furnish(world)

    answer = await ask.one(
        """mutation ($department: ID!, $people: [ID!]!) { createCourse(departmentId: $department,
          title: "X", kind: SELF_PACED, instructorIds: $people, coordinatorIds: $people) {
          refusal { code ... on RoleConflict { conflicts { member { displayName } } } } } }""",
        by="Mona",
        department=own["Department"],
        people=[theirs["Member"]],
    )

    assert answer["refusal"] == {"code": "ROLE_CONFLICT", "conflicts": [{"member": None}]}


async def test_nothing_of_another_workspace_is_listed(world: World, rival: World, ask: Ask) -> None:
    await furnish(rival)
    await rival.course("Their secret")
    await furnish(world)

    answer = await ask.bytes(
        """{ courses { totalCount nodes { title } } members { totalCount nodes { userName } }
          segments { totalCount nodes { id } } departments { totalCount nodes { id } }
          searchSegmentsTypeahead(text: "n") { segment { id } } deliveries { totalCount } }""",
        by="Mona",
    )

    assert b"rival" not in answer
    assert b"secret" not in answer
    assert answer.count(b'"totalCount":1') == 4
