"""Every field × every principal × own and foreign rows, generated from the schema (C2, G3, G4).

What is readable is the same along every path: direct field, list, `node`, what hangs on something
else, the answer of a mutation, the event of a stream; and it is what permissions.csv gives for the
right that stands in schema.graphql.
"""

from collections.abc import AsyncIterator, Callable

import pytest
from graphql import GraphQLObjectType, is_introspection_type
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations import overrides
from schema.schema import schema
from sync_engine.bus import Bus
from tests.engine import run_until_idle
from tests.proof.asking_here import Here
from tests.proof.fields import Compared, Fields
from tests.proof.lists import Lists
from tests.proof.probes import PROBES
from tests.proof.probing import case
from tests.proof.proving import Asked, questions
from tests.proof.table import OPERATIONS, PEOPLE, READABLE
from tests.proof.town import Town, open_town
from tests.proof.walking import is_wrapper
from tests.resolvers.asking import KEYS
from tests.resolvers.conftest import NO_REDIS
from tests.world import MONDAY

LISTENING = case("own", READABLE)

pytestmark = pytest.mark.timeout(300)

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
    "InUse": "a refusal",
    "CourseInTheWay": "part of a refusal",
    "RuleProblem": "part of a refusal",
    "NotOnDepartmentTeam": "a refusal",
    "AffectedSegment": "what removing an attribute would break: said before, and only to managers",
    "RuleCheck": "what the caller wrote, understood; it shows nothing that is stored",
}
"""Types without rows of their own, and why."""


@pytest.fixture
async def town(sessions: async_sessionmaker[AsyncSession], sync_database: Engine) -> Town:
    town = await open_town(sessions, KEYS)
    run_until_idle(sync_database)
    return town


@pytest.fixture
async def bus(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[Bus]:
    async with Bus(sessions, NO_REDIS, poll=0.01) as bus:
        yield bus


async def answers_of_mutations(fields: Fields, town: Town, compared: Compared) -> None:
    """Everything the table allows is done, and what the answers show is compared too."""
    ask = Here(town)
    for operation in OPERATIONS:
        for each in questions(PROBES.get(operation, [])):
            if each.is_allowed and each.probe.changes and each.principal in PEOPLE:
                document, given = _widened(fields, each, town)
                answer = await ask(each.principal, document, given, False)
                fields.take(each.principal, each.probe.name, answer, compared)


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
    """Somebody else is excluded and let in again; everybody who may listens."""
    ask, course = Here(town), town.id("Course", "own")
    subscription = schema._schema.subscription_type
    assert subscription is not None
    below = fields.selection_of(subscription.fields["coordinatorsChanged"])
    document = (
        "subscription ($course: ID!) { Subscription_coordinatorsChanged:"
        f" coordinatorsChanged(courseId: $course) {below} }}"
    )
    other = town.here.world.members["coordinator_derived"]
    for who in PEOPLE:
        if not PROBES["subscribe_course_updates"][0].expects(who, LISTENING):
            continue
        async with ask.follow(who, document, bus, course=course) as heard:
            fields.take(who, "READY", await heard.whole(), compared)
            await _exclude_and_lift(town, other)
            for name in ("excluded", "lifted"):
                fields.take(who, name, await heard.whole(), compared)


async def _exclude_and_lift(town: Town, member_id: int) -> None:
    world = town.here.world
    about = {"course_id": world.courses["Selling"], "member_id": member_id}
    async with world.edge.transaction() as db:
        await overrides.exclude(
            db, by=world.system, **about, reason="Away.", expires_at=None, at=MONDAY
        )
    async with world.edge.transaction() as db:
        await overrides.lift(db, by=world.system, **about)


async def test_every_field_is_readable_along_every_path_for_whom_the_table_says(
    town: Town, bus: Bus, record_property: Callable[[str, object], None]
) -> None:
    fields = Fields(schema._schema, town)

    compared = await fields.compare(Here(town))
    await answers_of_mutations(fields, town, compared)
    await events_of_streams(fields, town, bus, compared)

    assert compared.faults == []
    record_property("fields of rows compared, each as one principal", len(compared.outcomes))
    record_property("paths these were seen along", compared.sightings)
    record_property("denials among them", compared.denials)
    assert never_seen(compared) == set()


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
    counted = await Lists(schema._schema, town).compare(Here(town))

    assert counted.faults == []
    record_property("lists paged through and compared with node", counted.lists)
    record_property("searches compared with their lists", counted.searches)
