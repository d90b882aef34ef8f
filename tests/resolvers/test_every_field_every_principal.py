"""Every field × every principal × own and foreign rows, generated from the schema (C2, G3, G4).

What is readable is the same along every path: direct field, list, `node`, what hangs on something
else, the answer of a mutation, the event of a stream; and it is what permissions.csv gives for the
right that stands in schema.graphql.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
from graphql import GraphQLObjectType, is_introspection_type
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations import overrides
from operations.holds import deciding
from operations.learning import enrolments
from operations.live_sessions import roster
from schema.schema import schema
from sync_engine.bus import Bus
from tests.proof.asking_here import Here
from tests.proof.fields import Compared, Fields
from tests.proof.lists import Lists
from tests.proof.probes import PROBES
from tests.proof.probing import Probe, case
from tests.proof.proving import Asked, questions
from tests.proof.table import OPERATIONS, PEOPLE, READABLE
from tests.proof.town import Town
from tests.proof.town_holds import WAITING
from tests.proof.town_learners import CLASSMATE
from tests.proof.town_learning import pupil_of
from tests.proof.walking import is_wrapper
from tests.resolvers.conftest import NO_REDIS
from tests.sampling import dice, is_whole, some
from tests.world import MONDAY

LATECOMER = pupil_of("finance_manager")
LISTENING = case("own", READABLE)

pytestmark = pytest.mark.timeout(300)

MOVES = {"addRemoveModules": "modules"}
"""Changes after which something lies elsewhere, and the variable that names it."""

ALL_SEEING = "workspace_manager"
"""Asks everything, in every run, where the fields are counted that anybody has seen."""

ELSE = [each for each in PEOPLE if each != ALL_SEEING]
GROUPS = 6
"""So many groups of them, each in a town of its own; one of them in a run."""

A_TENTH = 1 / 10

APART = {
    "Query": "its fields are the operations: the proof over HTTP asks for them",
    "Mutation": "the same",
    "Subscription": "the same",
    "PlainRefusal": "a refusal: it says what is wrong with what the caller said",
    "ConflictingPerson": "part of a refusal",
    "RoleConflict": "a refusal",
    "LimitReached": "a refusal",
    "InvalidContent": "a refusal",
    "InvalidRule": "a refusal",
    "InvalidFile": "a refusal",
    "SegmentFileStep": "part of a plan: what the caller wrote, beside what a manager sees",
    "SegmentFilePayload": "the same, done",
    "InUse": "a refusal",
    "CourseInTheWay": "part of a refusal",
    "SegmentInTheWay": "part of a refusal",
    "RuleProblem": "part of a refusal",
    "NotOnDepartmentTeam": "a refusal",
    "UndoContradicted": "a refusal",
    "ContradictedPair": "part of a refusal",
    "AffectedSegment": "what removing an attribute would break: said before, and only to managers",
    "RuleCheck": "what the caller wrote, understood; it shows nothing that is stored",
}
"""Types without rows of their own, and why."""


@pytest.fixture
async def bus(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[Bus]:
    async with Bus(sessions, NO_REDIS, poll=0.01) as bus:
        yield bus


async def answers_of_mutations(fields: Fields, town: Town, compared: Compared) -> None:
    """What the table allows is done, and what the answers show is compared too."""
    ask = Here(town)
    for operation in OPERATIONS:
        for each in _in_turns(PROBES.get(operation, [])):
            document, given = _widened(fields, each, town)
            answer = await ask(each.principal, document, given, False)
            if moved := given.get(MOVES.get(each.probe.name, "")):
                fields.forget(moved)
            fields.take(each.principal, each.probe.name, answer, compared)


def _in_turns(probes: Sequence[Probe]) -> Iterator[Asked]:
    """Of those who may do something in a scope: who sees all, and some; all, in a whole run."""
    allowed: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for each in questions(probes):
        if each.is_allowed and each.probe.changes and each.principal in PEOPLE:
            allowed[each.probe.document, each.case.name].append(each)
    for (document, scope), those in allowed.items():
        whose = _all_seeing_and_some([each.principal for each in those], f"{document} {scope}")
        yield from (each for each in those if each.principal in whose)


def _all_seeing_and_some(whom: list[str], about: str) -> list[str]:
    """Who sees all; and in every third case others, too."""
    others = [each for each in whom if each != ALL_SEEING]
    drawn = some(others, about, share=A_TENTH) if is_whole() or dice(about).random() < 1 / 3 else []
    return [each for each in whom if each == ALL_SEEING] + drawn


def _widened(fields: Fields, each: Asked, town: Town) -> tuple[str, dict[str, object]]:
    """The probe's document, selecting everything of the answer."""
    probe = each.probe
    mutation = schema._schema.mutation_type
    assert mutation is not None
    head, _, _ = probe.document.rpartition("{ cursor refusal { code } }")
    given = probe.given(town, each.principal, each.case)
    named = {name: given[name] for name in given if f"${name}:" in probe.document}
    return f"{head} {fields.selection_of(mutation.fields[probe.name])} }}", named


async def events_of_streams(fields: Fields, town: Town, bus: Bus, compared: Compared) -> None:
    """Some who may listen to all that happens in a course."""
    ask, course = Here(town), town.id("Course", "own")
    subscription = schema._schema.subscription_type
    assert subscription is not None
    listening = [
        who for who in PEOPLE if PROBES["subscribe_course_updates"][0].expects(who, LISTENING)
    ]
    for name, happens in HAPPENING.items():
        below = fields.selection_of(subscription.fields[name])
        document = (
            f"subscription ($course: ID!) {{ Subscription_{name}:"
            f" {name}(courseId: $course) {below} }}"
        )
        about, whom = {"course": course}, _all_seeing_and_some(listening, f"who follows {name}")
        if "courseId" not in subscription.fields[name].args:
            document = f"subscription {{ Subscription_{name}: {name} {below} }}"
            about, whom = {}, [ALL_SEEING]
        for who in whom:
            async with ask.follow(who, document, bus, **about) as heard:
                fields.take(who, "READY", await heard.whole(), compared)
                async for what in happens(town):
                    fields.take(who, what, await heard.whole(), compared)


async def _of_coordinators(town: Town) -> AsyncIterator[str]:
    """Somebody is excluded and let in again, before it is told: it may be who listens."""
    world = town.here.world
    about = {
        "course_id": world.courses["Selling"],
        "member_id": world.members["coordinator_derived"],
    }
    async with world.edge.transaction() as db:
        await overrides.exclude(
            db, by=world.system, **about, reason="Away.", expires_at=None, at=MONDAY
        )
    async with world.edge.transaction() as db:
        await overrides.lift(db, by=world.system, **about)
    for what in ("excluded", "lifted"):
        yield what


async def _of_learners(town: Town) -> AsyncIterator[str]:
    """Somebody who learns in other courses comes to learn here too, and no longer does."""
    world = town.here.world
    await world.enrol("Selling", LATECOMER)
    yield "assigned"
    async with world.edge.transaction() as db:
        await enrolments.unassign(
            db,
            by=world.system,
            course_id=world.courses["Selling"],
            member_ids=[world.members[LATECOMER]],
            at=MONDAY,
        )
    yield "unassigned"


async def _of_live_sessions(town: Town) -> AsyncIterator[str]:
    """Somebody is given a seat and leaves it again."""
    world, talk = town.here.world, town.here.live_sessions["Talk"]
    for change in (roster.place, roster.remove):
        async with world.edge.transaction() as db:
            await change(
                db,
                by=world.system,
                live_session_id=talk,
                member_ids=[world.members[CLASSMATE]],
                at=MONDAY,
            )
        yield change.__name__


async def _of_insights(town: Town) -> AsyncIterator[str]:
    """The first message alone: the next would come a second later."""
    happens = _of_learners(town)
    yield await anext(happens)
    await anext(happens)


async def _of_holds(town: Town) -> AsyncIterator[str]:
    """A removal that waited is approved."""
    here = town.here
    async with here.world.edge.transaction() as db:
        await deciding.approve(
            db, by=here.world.system, hold_id=here.holds[WAITING], reason="They have left."
        )
    yield "approved"


HAPPENING = {
    "coordinatorsChanged": _of_coordinators,
    "courseInsightsChanged": _of_insights,
    "holdsChanged": _of_holds,
    "learnersChanged": _of_learners,
    "liveSessionsChanged": _of_live_sessions,
}
"""What happens while a stream is listened to, one event at a time."""


@pytest.mark.parametrize("start", some(range(GROUPS), "groups of principals", share=1 / GROUPS))
async def test_every_field_is_readable_along_every_path_for_whom_the_table_says(
    town: Town, start: int, record_property: Callable[[str, object], None]
) -> None:
    """Of one's own things always; of those elsewhere, along paths drawn anew in each run."""
    fields = Fields(schema._schema, town)

    compared = await fields.compare(Here(town), ELSE[start::GROUPS], fields.in_turns)

    assert compared.faults == []
    record(compared, record_property)


async def test_every_field_is_shown_by_some_answer_and_every_answer_of_a_change_agrees(
    town: Town, bus: Bus, record_property: Callable[[str, object], None]
) -> None:
    fields = Fields(schema._schema, town)

    compared = await fields.compare(Here(town), [ALL_SEEING])
    await answers_of_mutations(fields, town, compared)
    await events_of_streams(fields, town, bus, compared)

    assert compared.faults == []
    assert sorted(never_seen(compared)) == []
    record(compared, record_property)


def record(compared: Compared, record_property: Callable[[str, object], None]) -> None:
    record_property("fields of rows compared, each as one principal", len(compared.outcomes))
    record_property("paths these were seen along", compared.sightings)
    record_property("denials among them", compared.denials)


def never_seen(compared: Compared) -> set[str]:
    """Fields no row of the town has shown to anybody: a new type needs a row there."""
    kinds = {
        name: kind
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind)
    }
    assert APART.keys() <= kinds.keys()
    fields = {
        f"{name}.{field}"
        for name, kind in kinds.items()
        for field in kind.fields
        if name not in APART and not is_wrapper(kind)
    }
    return fields - compared.fields


async def test_lists_counts_and_searches_give_what_node_gives(
    town: Town, record_property: Callable[[str, object], None]
) -> None:
    whom = some(PEOPLE, "who reads lists", share=1 / 3)

    counted = await Lists(schema._schema, town).compare(Here(town), whom)

    assert counted.faults == []
    record_property("lists paged through and compared with node", counted.lists)
    record_property("searches compared with their lists", counted.searches)
