"""Whatever anybody asks for: what changed something is in the journal, in the same transaction,
and what was refused changed nothing (A3)."""

import datetime as dt
import random
import re
from collections import Counter
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from models.catalog import CourseKind
from models.identity import ConnectionKind
from models.metadata import metadata
from operations import connections, integrity
from operations.live_sessions import scheduling
from resolvers.ids import encode
from tests.resolvers.anything import MUTATIONS, Anything
from tests.resolvers.asking import KEYS, Ask
from tests.resolvers.school import settled
from tests.sampling import some
from tests.world import MONDAY, World

SEEDS = some((1, 2), "changes", share=0.5)
BESIDE = frozenset(
    {
        *("journal_entry", "workspace_stream", "idempotent_answer"),
        *("insight_cell", "insight_marker", "insight_unit"),
    }
)
"""The journal itself, what only remembers an answer, and sums of what is stored elsewhere."""

TABLES = sorted(set(metadata.tables) - BESIDE)
CONTENT = text(
    " UNION ALL ".join(
        f"SELECT '{name}', md5(coalesce(string_agg(t::text, ';' ORDER BY t::text), ''))"
        f" FROM {name} AS t"
        for name in TABLES
    )
)
NUMBERS = text("SELECT seq FROM journal_entry ORDER BY seq")
SABOTAGE = """
CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'Nothing is recorded today.'; END $$;
CREATE TRIGGER sabotage BEFORE INSERT ON journal_entry EXECUTE FUNCTION sabotage();
"""
SPARE = "DROP FUNCTION sabotage() CASCADE"
SECRET = re.compile(r"[A-Za-z0-9_+/=-]{30,}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def around(sync_database: Engine) -> Any:
    """A connection past the product."""
    made: Any = sync_database.raw_connection().driver_connection
    made.autocommit = True
    return made


NAMED: Final = {
    "Connection": "connection",
    "Course": "course",
    "Department": "department",
    "Group": "learner_group",
    "LiveSession": "live_session",
    "Member": "member",
    "Module": "module",
    "Segment": "segment",
}
"""What there are global ids of, and the table it is in."""


async def firm(world: World) -> None:
    """One of everything, and one of everybody."""
    people = ("Mo", "Fay", "Dan", "Ina", "Ivy", "Cleo", "Bo", "Ada", "Eve")
    for name in people:
        await world.member(name, email=f"{name}@acme.example")
    await world.segment("Sales", 'department eq "Sales"')
    await world.segment("Friends", people_named=["Ada"])
    await world.course("Safety", instructors=["Ina"], segments_attached=["Sales"])
    await world.course("Law", department="Legal", coordinators_by_hand=["Bo"])
    await world.module("Goggles", courses=["Safety"])
    await world.module("Gloves")
    await world.enrol("Safety", "Eve")
    await world.group("Novices", course="Safety")
    await world.course("Drill", kind=CourseKind.INSTRUCTOR_LED, instructors=["Ina"])
    await world.enrol("Drill", "Eve", "Ada")
    await meet(world)
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Ivy", Principal.INVITE)
    await world.grant("Cleo", Principal.DEPT_CREATE, department="Training")
    async with world.edge.transaction() as db:
        await connections.create(
            db,
            by=world.system,
            name="Okta",
            kind=ConnectionKind.WEBHOOK,
            seals=KEYS,
            at=MONDAY,
        )


async def meet(world: World) -> None:
    """Two live sessions of the drill, in a year: one to change and one to call off."""
    starts_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
    said = {
        "title": "Ladders",
        "starts_at": starts_at,
        "ends_at": starts_at + dt.timedelta(hours=1),
        "time_zone": "Europe/Stockholm",
    }
    for _ in range(2):
        async with world.edge.transaction() as db:
            course_id = world.courses["Drill"]
            await scheduling.create(db, by=world.system, course_id=course_id, said=said, at=MONDAY)


async def there_is(world: World) -> dict[str, list[str]]:
    """The global ids of everything but Mo, who stays a manager, and the plain ones of tokens."""
    found: dict[str, list[str]] = {}
    async with world.edge.read() as db:
        for noun, table in NAMED.items():
            ids = await db.scalars(text(f"SELECT id FROM {table}"))
            type_name = "LearnerGroup" if noun == "Group" else noun
            found[noun] = [encode(type_name, id) for id in ids]
        found["Member"].remove(encode("Member", world.members["Mo"]))
        found["Token"] = list(await db.scalars(text("SELECT id FROM token")))
    return found


async def stands(world: World) -> dict[str, str]:
    """By table: what is in it."""
    async with world.edge.read() as db:
        rows = await db.execute(CONTENT)
        return {row[0]: row[1] for row in rows}


async def numbers(world: World) -> list[int]:
    async with world.edge.read() as db:
        return list(await db.scalars(NUMBERS))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_what_changes_anything_leaves_an_entry_and_nothing_else_does(
    world: World, ask: Ask, around: psycopg.Connection, seed: int
) -> None:
    """A third of the calls first meet a journal that cannot be written: then nothing may change."""
    await firm(world)
    dice = random.Random(seed)
    anything = Anything(dice)
    told: Counter[str] = Counter()
    secrets: list[str] = []
    before, entries = await stands(world), await numbers(world)

    for name in shuffled(dice, decks=8):
        if told[name] > 1:
            continue
        anything.ids = await there_is(world)
        document, variables = anything.document(name)
        by = dice.choice(["Mo"] * 8 + ["Fay", "Dan", "Ina", "Ivy", "Cleo", "Bo"])
        about = f"{name} by {by} with {variables}"
        if dice.random() < 0.3:
            around.execute(SABOTAGE)
            await ask.whole(document, by=by, **variables)
            around.execute(SPARE)
            assert await stands(world) == before, about
        answer = await ask.whole(document, by=by, **variables)
        after, now = await stands(world), await numbers(world)
        changed = {table for table in TABLES if after[table] != before[table]}

        is_done = is_success(answer, name)
        about = f"{about}: {answer}, changed {changed}"
        assert is_done or (not changed and now == entries), about
        assert not changed or len(now) > len(entries), about
        told[name] += bool(changed)
        secrets += [value["secret"] for value in values(answer) if value.get("secret")]
        before, entries = after, now

    assert entries == list(range(1, len(entries) + 1))
    assert len(+told) > len(MUTATIONS) // 2, told
    await settled(ask)
    async with world.edge.read() as db:
        walk = await integrity.verify(db, workspace_id=world.workspace_id)
    assert walk.broken is None
    await holds_no_secret(world, secrets)


def shuffled(dice: random.Random, *, decks: int) -> list[str]:
    """Every mutation that often, each before any comes again."""
    names = sorted(MUTATIONS)
    return [name for _ in range(decks) for name in dice.sample(names, len(names))]


def values(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in (answer.get("data") or {}).values() if each]


def is_success(answer: dict[str, Any], name: str) -> bool:
    done = (answer.get("data") or {}).get(name)
    return "errors" not in answer and done is not None and done["refusal"] is None


async def holds_no_secret(world: World, secrets: list[str]) -> None:
    """Neither what was shown once, nor anything that looks like a token, a code or a key."""
    async with world.edge.read() as db:
        rows = await db.scalars(
            text("SELECT concat(before, after, detail, reason, by_name) FROM journal_entry")
        )
        said = "\n".join(rows)
    for secret in secrets:
        assert secret not in said
        assert secret.rpartition("_")[2] not in said
    looks_like_one = [each for each in SECRET.findall(said) if not UUID.fullmatch(each)]
    assert looks_like_one == []
