"""Whatever is done to the journal around the product is found, and named (A3)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin, system
from models import journal
from models.chain import FIELDS, NOTHING_BEFORE, canonical, digest_of, link
from operations.edge import Edge
from operations.integrity import REDACTED, Anchor, Fault, Walk, verify
from tests.tampering import unguarded
from tests.world import World

COUNT = 12
ALL_CHARACTERS = "".join(map(chr, range(1, 0x250))) + '\u2028😀"\\'


@pytest.fixture
def around(sync_database: Engine) -> Any:
    """A connection of the owner of the tables, past the product."""
    return sync_database.raw_connection().driver_connection


async def say(world: World, count: int = COUNT, **about: Any) -> None:
    for n in range(count):
        async with world.edge.transaction() as db:
            journal.record(db, by=world.system, verb="thing.done", after={"n": n}, **about)


async def walked(world: World, expected: Anchor | None = None) -> Walk:
    async with world.edge.read() as db:
        return await verify(db, workspace_id=world.workspace_id, expected=expected)


async def found(world: World, expected: Anchor | None = None) -> tuple[int, Fault]:
    walk = await walked(world, expected)
    assert walk.broken is not None
    return walk.broken.seq, walk.broken.fault


@pytest.mark.spec("A3")
async def test_an_untouched_journal_verifies_up_to_its_head(world: World) -> None:
    await say(world)
    seen: list[int] = []

    async with world.edge.read() as db:
        walk = await verify(db, workspace_id=world.workspace_id, progress=seen.append)
        epoch_and_head = await journal.head(db, world.workspace_id)

    assert walk.broken is None
    assert walk.seq == epoch_and_head[1] == COUNT + 1
    assert seen == [COUNT + 1]
    assert Anchor.of(str(walk.anchor)) == walk.anchor
    assert (await walked(world, walk.anchor)).broken is None
    await say(world)
    assert (await walked(world, walk.anchor)).broken is None


async def test_both_accounts_agree_about_every_value_there_is(world: World) -> None:
    """PostgreSQL makes the digests and Python recomputes them, from whatever was stored."""
    odd = Caller(
        world.workspace_id, ALL_CHARACTERS, Origin.GRAPHQL, member_id=2**62, client="2001:db8::1"
    )
    documents: Sequence[dict[str, Any]] = (
        {},
        {ALL_CHARACTERS: ALL_CHARACTERS, "ab": 1, "b": 2, "": None},
        {"numbers": [0, -1, 1.0, 1e30, 1e-9, 123456789012345678901234567890, 0.1]},
        {"nested": [[], {}, [{"x": [True, False, None]}]]},
    )
    async with world.edge.transaction() as db:
        for each in documents:
            journal.record(
                db,
                by=odd,
                verb="thing.done",
                before=each,
                detail=each,
                reason=ALL_CHARACTERS,
                department_id=3,
                course_id=2**31 - 1,
                segment_id=1,
                member_id=2**63 - 1,
            )
    walk = await walked(world)

    assert walk.broken is None
    assert walk.seq == 1 + len(documents)


async def test_many_writers_at_once_make_one_chain(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    world = await World.new(sessions)
    edge = Edge(sessions)

    async def write(number: int) -> None:
        for n in range(10):
            async with edge.transaction() as db:
                for _ in range(1 + n % 3):
                    journal.record(
                        db, by=world.system, verb="thing.done", after={"of": number, "n": n}
                    )

    await asyncio.gather(*(write(number) for number in range(8)))

    walk = await walked(world)
    assert walk.broken is None
    assert walk.seq == 1 + 8 * sum(1 + n % 3 for n in range(10))


# --- What the database refuses --------------------------------------------------------------------


UPSERT = """
INSERT INTO journal_entry TABLE journal_entry
ON CONFLICT (workspace_id, seq) DO UPDATE SET verb = 'nothing.happened'
"""


@pytest.mark.spec("A3")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entry SET verb = 'nothing.happened' WHERE seq = 1",
        "DELETE FROM journal_entry WHERE seq = 1",
        "TRUNCATE journal_entry",
        UPSERT,
    ],
)
async def test_the_database_refuses_to_change_what_was_written(
    world: World, statement: str
) -> None:
    await say(world)

    with pytest.raises(IntegrityError, match="append-only"):
        async with world.edge.transaction() as db:
            await db.execute(text(statement))

    assert (await walked(world)).broken is None


async def test_the_guard_also_stands_while_a_replica_is_played(
    world: World, around: psycopg.Connection
) -> None:
    around.execute("SET session_replication_role = replica")
    with pytest.raises(errors.RestrictViolation):
        around.execute("DELETE FROM journal_entry")
    around.rollback()


# --- What is done around it -----------------------------------------------------------------------

OTHER: dict[str, str] = {
    "at": "at + interval '1 microsecond'",
    "verb": "'thing.undone'",
    "origin": "'scim'",
    "client": "'192.0.2.1'",
    "by_member_id": "7",
    "by_connection_id": "7",
    "by_name": "by_name || ' '",
    "cause": "gen_random_uuid()",
    "department_id": "7",
    "course_id": "7",
    "segment_id": "7",
    "member_id": "7",
    "change_set_id": "7",
    "before": "'{}'",
    "after": "after || '{\"n\": 99}'",
    "detail": "'{}'",
    "reason": "'Because.'",
    "salt": "gen_random_uuid()",
}


@pytest.mark.spec("A3")
@pytest.mark.parametrize("column", OTHER)
async def test_one_changed_field_is_found(
    world: World, around: psycopg.Connection, column: str
) -> None:
    await say(world)
    with unguarded(around):
        around.execute(f"UPDATE journal_entry SET {column} = {OTHER[column]} WHERE seq = 5")

    assert await found(world) == (5, Fault.CONTENT)


def test_every_column_is_part_of_the_proof() -> None:
    columns = set(journal.JournalEntry.__table__.c.keys())

    assert set(FIELDS) == columns - {"digest", "hash", "redacted_at"}
    assert set(OTHER) == set(FIELDS) - {"workspace_id", "seq"}


Tamper = Callable[[psycopg.Connection], object]


def sql(*statements: str) -> Tamper:
    def tamper(db: psycopg.Connection) -> None:
        for statement in statements:
            db.execute(statement)

    return tamper


def insert(db: psycopg.Connection, seq: int, *, shifting: bool) -> None:
    """Put in a copy of entry 4, chained to the entry before its place."""
    if shifting:
        db.execute("UPDATE journal_entry SET seq = seq + 1000 WHERE seq >= %s", (seq,))
        db.execute("UPDATE journal_entry SET seq = seq - 999 WHERE seq > 1000")
    columns = ", ".join(name for name in FIELDS if name != "seq")
    db.execute(
        f"INSERT INTO journal_entry (seq, {columns}, digest, hash)"
        f" SELECT %s, {columns}, '', '' FROM journal_entry WHERE seq = 4",
        (seq,),
    )
    rechain(db, seq, seq)


def rechain(db: psycopg.Connection, first: int, last: int) -> None:
    """Compute digests and hashes anew, as somebody could who has read this program."""
    documents = {"before", "after", "detail"}
    columns = ", ".join(f"{each}::text" if each in documents else each for each in FIELDS)
    for seq in range(first, last + 1):
        [row] = db.execute(f"SELECT {columns} FROM journal_entry WHERE seq = %s", (seq,)).fetchall()
        digest = digest_of(canonical(dict(zip(FIELDS, row, strict=True))))
        before = db.execute("SELECT hash FROM journal_entry WHERE seq = %s", (seq - 1,)).fetchone()
        hashed = link(before[0] if before else NOTHING_BEFORE, digest)
        db.execute(
            "UPDATE journal_entry SET digest = %s, hash = %s WHERE seq = %s", (digest, hashed, seq)
        )
        db.execute("UPDATE workspace_stream SET hash = %s WHERE head = %s", (hashed, seq))


def rewrite(db: psycopg.Connection, seq: int) -> None:
    db.execute("UPDATE journal_entry SET verb = 'thing.undone' WHERE seq = %s", (seq,))
    rechain(db, seq, seq)


SWAP = (
    "UPDATE journal_entry SET seq = -1 WHERE seq = 5",
    "UPDATE journal_entry SET seq = 5 WHERE seq = 6",
    "UPDATE journal_entry SET seq = 6 WHERE seq = -1",
)
HEAD_BACK = "UPDATE workspace_stream SET head = 10, hash = (SELECT hash FROM journal_entry {})"
CASES: dict[str, tuple[Tamper, int, Fault]] = {
    "two rows are exchanged": (sql(*SWAP), 5, Fault.ORDER),
    "one is deleted in the middle": (
        sql("DELETE FROM journal_entry WHERE seq = 5"),
        5,
        Fault.MISSING,
    ),
    "several are deleted at the beginning": (
        sql("DELETE FROM journal_entry WHERE seq < 4"),
        1,
        Fault.MISSING,
    ),
    "one is deleted and the numbers close up": (
        sql(
            "DELETE FROM journal_entry WHERE seq = 5",
            "UPDATE journal_entry SET seq = seq - 1 WHERE seq > 5",
        ),
        5,
        Fault.CONTENT,
    ),
    "one is deleted at the end": (
        sql("DELETE FROM journal_entry WHERE seq = 13"),
        13,
        Fault.MISSING,
    ),
    "all are deleted": (sql("DELETE FROM journal_entry"), 1, Fault.MISSING),
    "one is put in": (lambda db: insert(db, 5, shifting=True), 6, Fault.CONTENT),
    "one is put in at the end": (lambda db: insert(db, 14, shifting=False), 14, Fault.HEAD),
    "one is put in before the first": (
        sql("UPDATE journal_entry SET seq = 0 WHERE seq = 4"),
        0,
        Fault.ORDER,
    ),
    "a digest is changed": (
        sql("UPDATE journal_entry SET digest = sha256('') WHERE seq = 5"),
        5,
        Fault.CONTENT,
    ),
    "a hash is changed": (
        sql("UPDATE journal_entry SET hash = sha256('') WHERE seq = 5"),
        5,
        Fault.CHAIN,
    ),
    "an entry is rewritten with its digest": (
        lambda db: rewrite(db, 5),
        6,
        Fault.CHAIN,
    ),
    "the head is set back": (sql(HEAD_BACK.format("WHERE seq = 10")), 11, Fault.HEAD),
    "the head is set forward": (
        sql("UPDATE workspace_stream SET head = head + 2"),
        14,
        Fault.MISSING,
    ),
    "the head's hash is changed": (
        sql("UPDATE workspace_stream SET hash = sha256('')"),
        13,
        Fault.HEAD,
    ),
    "one is emptied and nothing says so": (
        sql(
            "UPDATE journal_entry SET by_name = '', client = NULL, before = NULL, after = NULL,"
            " detail = NULL, reason = NULL, salt = NULL, redacted_at = now() WHERE seq = 5"
        ),
        5,
        Fault.UNSAID,
    ),
    "one is called redacted and is not": (
        sql("UPDATE journal_entry SET verb = 'thing.undone', redacted_at = now() WHERE seq = 5"),
        5,
        Fault.CONTENT,
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_it_is_found_when(world: World, around: psycopg.Connection, case: str) -> None:
    tamper, seq, fault = CASES[case]
    await say(world)
    anchor = (await walked(world)).anchor

    with unguarded(around) as db:
        tamper(db)

    assert await found(world) == (seq, fault)
    assert (await walked(world, anchor)).broken is not None


CUT = ("DELETE FROM journal_entry WHERE seq > 10", HEAD_BACK.format("WHERE seq = 10"))


async def test_a_tail_cut_off_cleanly_is_found_by_what_was_noted_elsewhere(
    world: World, around: psycopg.Connection
) -> None:
    await say(world)
    anchor = (await walked(world)).anchor
    with unguarded(around) as db:
        sql(*CUT)(db)

    assert (await walked(world)).broken is None
    assert await found(world, anchor) == (11, Fault.ANCHOR)


async def test_a_chain_computed_anew_is_found_by_what_was_noted_elsewhere(
    world: World, around: psycopg.Connection
) -> None:
    await say(world)
    anchor = (await walked(world)).anchor
    with unguarded(around) as db:
        db.execute("UPDATE journal_entry SET reason = 'It was agreed.' WHERE seq = 5")
        rechain(db, 5, COUNT + 1)
    await say(world)

    assert (await walked(world)).broken is None
    assert await found(world, anchor) == (COUNT + 1, Fault.ANCHOR)


async def test_a_redaction_that_is_said_leaves_the_chain_whole(
    world: World, around: psycopg.Connection
) -> None:
    """What is said about a person can go, with the salt; everything else stays proven."""
    await say(world, reason="Ada asked for it.")
    with unguarded(around) as db:
        db.execute(
            "UPDATE journal_entry SET by_name = '', after = NULL, reason = NULL, salt = NULL,"
            " redacted_at = now() WHERE seq IN (5, 7)"
        )
    async with world.edge.transaction() as db_of_ours:
        journal.record(
            db_of_ours, by=world.system, verb=REDACTED, detail={"entries": [5, 7]}, reason="A4"
        )

    walk = await walked(world)

    assert walk.broken is None
    assert walk.redacted == {5, 7}


async def test_what_happens_to_one_journal_does_not_touch_another(
    world: World, around: psycopg.Connection
) -> None:
    other = await World.new(world.edge.sessions, "globex")
    await say(world)
    await say(other)
    with unguarded(around) as db:
        db.execute("DELETE FROM journal_entry WHERE workspace_id = %s", (other.workspace_id,))

    assert (await walked(world)).broken is None
    assert await found(other) == (1, Fault.MISSING)


async def test_the_engine_appends_to_the_same_chain(
    world: World, around: psycopg.Connection
) -> None:
    entry = journal.entry(system(world.workspace_id), "membership.changed", detail={"x": [1, 2]})
    for count in (1, 3):
        around.execute(
            journal.APPEND, journal.append_parameters(world.workspace_id, [entry] * count)
        )
    around.commit()
    await say(world)

    walk = await walked(world)
    assert walk.broken is None
    assert walk.seq == 1 + 4 + COUNT


@pytest.mark.parametrize("noted", ["", "5", f"0:{'a' * 64}", "5:abc", f"5:{'g' * 64}", "x:y"])
def test_what_is_no_anchor_is_not_taken_for_one(noted: str) -> None:
    assert Anchor.of(noted) is None
