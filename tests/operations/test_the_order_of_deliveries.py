"""Whatever order deliveries come in, and however often, the directory ends the same (I4)."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.webhooks import apply_pending
from models.identity import Connection, ConnectionKind
from operations import inbox
from tests.sampling import examples
from tests.world import MONDAY, World

# Asked whole (`make proof`) it is a hundred histories.
pytestmark = pytest.mark.timeout(300)

PEOPLE = ("u1", "u2")
ATTRIBUTES = ("title", "department", "remote")
VALUES = {"title": ("Clerk", "Boss", None), "department": ("Sales", "IT"), "remote": (True, False)}

LIVE = text("""
SELECT p.external_id, m.user_name, m.state, m.attributes - 'userName' AS attributes,
       array(SELECT g.display_name FROM directory_group_member gm
               JOIN directory_group g ON g.id = gm.group_id
              WHERE gm.member_id = m.id ORDER BY 1) AS groups
  FROM directory_person p JOIN member m ON m.id = p.member_id
 WHERE p.connection_id = :connection_id AND p.deleted_at IS NULL AND m.deleted_at IS NULL
 ORDER BY p.external_id
""")
GROUPS = text("""
SELECT external_id, display_name FROM directory_group
 WHERE connection_id = :connection_id AND deleted_at IS NULL ORDER BY 1
""")


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True))
    return {name: draw(st.sampled_from(VALUES[name])) for name in names}


@st.composite
def about_people(draw: st.DrawFn) -> dict[str, Any]:
    person = draw(st.sampled_from(PEOPLE))
    kind = draw(st.sampled_from(["full", "full", "partial", "partial", "deleted"]))
    if kind == "deleted":
        return {"type": "user.deleted", "data": {"externalId": person}}
    data: dict[str, Any] = {"externalId": person, "mode": kind, "attributes": draw(attributes())}
    if kind == "full":
        data["userName"] = f"{person}@acme.example"
    active = draw(st.sampled_from([None, None, True, False]))
    if active is not None:
        data["active"] = active
    return {"type": "user.changed", "data": data}


@st.composite
def about_the_group(draw: st.DrawFn) -> dict[str, Any]:
    some = st.lists(st.sampled_from(PEOPLE), unique=True)
    kind = draw(st.sampled_from(["named", "added", "removed", "listed", "added", "listed"]))
    data: dict[str, Any] = {"externalId": "g1"}
    if draw(st.integers(0, 15)) == 0:
        return {"type": "group.deleted", "data": data}
    if kind == "named":
        data["displayName"] = draw(st.sampled_from(["Trainers", "Guides"]))
    else:
        listed = [{"externalId": each} for each in draw(some)]
        data["members"] = {{"added": "add", "removed": "remove", "listed": "replace"}[kind]: listed}
    return {"type": "group.changed", "data": data}


def beginning() -> list[dict[str, Any]]:
    """Both people and the group are there; what follows may happen before it, too."""
    people = [
        {
            "type": "user.changed",
            "data": {"externalId": each, "userName": f"{each}@acme.example", "attributes": {}},
        }
        for each in PEOPLE
    ]
    group = {"externalId": "g1", "displayName": "Trainers"}
    return [*people, {"type": "group.changed", "data": group}]


@st.composite
def histories(draw: st.DrawFn, with_sequence: bool) -> tuple[list[bytes], list[int]]:
    """Deliveries, and an order to deliver them in which repeats some."""
    said = st.one_of(about_people(), about_people(), about_the_group())
    events = [*beginning(), *draw(st.lists(said, min_size=4, max_size=9))]
    for number, event in enumerate(events):
        moment = number if with_sequence else draw(st.integers(0, 6))
        event["timestamp"] = (MONDAY - dt.timedelta(hours=1, seconds=-moment)).isoformat()
        if with_sequence:
            event["sequence"] = number
            event["timestamp"] = MONDAY.isoformat()
    order = draw(st.permutations(range(len(events))))
    again = draw(st.lists(st.integers(0, len(events) - 1), max_size=3))
    return [json.dumps(event).encode() for event in events], [*order, *again]


_slugs = iter(range(10**9))


async def deliver(
    sessions: async_sessionmaker[AsyncSession],
    bodies: list[bytes],
    order: list[int],
    *,
    one_by_one: bool,
) -> list[Any]:
    """Deliver to a new workspace and settle; everybody and every group that is there at the end."""
    world = await World.new(sessions, f"w{next(_slugs)}")
    async with world.edge.transaction() as db:
        connection = Connection(
            workspace_id=world.workspace_id, name="HR", kind=ConnectionKind.WEBHOOK, dropped={}
        )
        db.add(connection)
    for number in order:
        async with world.edge.transaction() as db:
            await inbox.store(
                db, connection=connection, delivery_id=f"d{number}", body=bodies[number], at=MONDAY
            )
        if one_by_one:
            await apply_pending(world.edge, limit=100, at=MONDAY)
    await apply_pending(world.edge, limit=100, at=MONDAY)
    async with world.edge.read() as db:
        known = {"connection_id": connection.id}
        people = [tuple(row) for row in await db.execute(LIVE, known)]
        groups = [tuple(row) for row in await db.execute(GROUPS, known)]
    return [people, groups]


calm = settings(
    max_examples=examples(50),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.spec("I4")
@calm
@given(history=histories(with_sequence=False))
async def test_deliveries_ordered_by_time_end_the_same_in_every_order(
    sessions: async_sessionmaker[AsyncSession], history: tuple[list[bytes], list[int]]
) -> None:
    bodies, order = history

    in_order = list(range(len(bodies)))
    assert await deliver(sessions, bodies, order, one_by_one=True) == await deliver(
        sessions, bodies, in_order, one_by_one=False
    )


@pytest.mark.spec("I4")
@calm
@given(history=histories(with_sequence=True))
async def test_deliveries_ordered_by_sequence_end_the_same_in_every_order(
    sessions: async_sessionmaker[AsyncSession], history: tuple[list[bytes], list[int]]
) -> None:
    bodies, order = history

    in_order = list(range(len(bodies)))
    assert await deliver(sessions, bodies, order, one_by_one=True) == await deliver(
        sessions, bodies, in_order, one_by_one=False
    )
