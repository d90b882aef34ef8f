"""Is the journal what it was? Every entry is recomputed from what is stored; nothing is written.

The chain shows that nothing was changed, exchanged, left out or put in. Whoever can write to the
tables around the product could compute all of it anew: only a `seq` and `hash` that was noted
elsewhere (an anchor) shows that, and that nothing was cut off at the end.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from models.chain import ERASABLE, FIELDS, NOTHING_BEFORE, canonical, digest_of, link

REDACTED: Final = "entries.redacted"
"""The verb under which `detail.entries` names the numbers of entries that were emptied."""

_BATCH: Final = 500
_DOCUMENTS: Final = frozenset({"before", "after", "detail"})
_COLUMNS: Final = (*FIELDS, "redacted_at", "digest", "hash")
_READ: Final = f"""
SELECT {", ".join(f"{name}::text" if name in _DOCUMENTS else name for name in _COLUMNS)},
       CASE WHEN verb = %(redacted)s THEN detail->'entries' END
  FROM journal_entry
 WHERE workspace_id = %(workspace_id)s AND seq > %(after)s
 ORDER BY seq LIMIT %(limit)s
"""  # noqa: S608 (column names are constants)
_HEAD: Final = "SELECT head, hash FROM workspace_stream WHERE workspace_id = %(workspace_id)s"
_FOLLOWS: Final = """
SELECT seq FROM journal_entry
 WHERE workspace_id = %(workspace_id)s AND seq <> %(seq)s AND hash = sha256(%(before)s || digest)
 LIMIT 1
"""
_ANCHOR: Final = re.compile(r"([1-9][0-9]{0,18}):([0-9a-f]{64})")


class Fault(StrEnum):
    """What differs."""

    CONTENT = "content"
    CHAIN = "chain"
    ORDER = "order"
    MISSING = "missing"
    UNSAID = "unsaid redaction"
    HEAD = "head"
    ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a journal, and the hash it had there."""

    seq: int
    hash: bytes

    @classmethod
    def of(cls, text: str) -> "Anchor | None":
        """The anchor somebody noted as `SEQ:HASH`; None if it is none."""
        found = _ANCHOR.fullmatch(text.strip().lower())
        return cls(int(found[1]), bytes.fromhex(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the journal is not what it was."""

    seq: int
    fault: Fault
    sentence: str


@dataclass(slots=True)
class Walk:
    """How far the journal was recomputed, and what was found wrong first."""

    seq: int = 0
    hash: bytes = NOTHING_BEFORE
    redacted: set[int] = field(default_factory=set)
    said_redacted: set[int] = field(default_factory=set)
    broken: Break | None = None

    @property
    def anchor(self) -> Anchor:
        """What to note elsewhere, when nothing is wrong."""
        return Anchor(self.seq, self.hash)


def _unobserved(_: int) -> None:
    """Tell nobody how far it is."""


async def verify(
    db: AsyncSession,
    *,
    workspace_id: int,
    expected: Anchor | None = None,
    progress: Callable[[int], None] = _unobserved,
) -> Walk:
    """Recompute one workspace's journal up to its head, or to the first break.

    Reads in batches; `db` must give one view of the database (`Edge.read`).
    """
    walk = Walk()
    async for entries in _batches(db, workspace_id):
        for entry in entries:
            walk.broken = _step(walk, entry) or _unlike(walk, expected)
            if walk.broken is not None:
                walk.broken = await _placed(db, workspace_id, walk, walk.broken)
                return walk
        progress(walk.seq)
    walk.broken = _unsaid(walk) or await _end(db, workspace_id, walk, expected)
    return walk


async def _batches(db: AsyncSession, workspace_id: int) -> AsyncIterator[list[dict[str, Any]]]:
    connection = await db.connection()
    after = -(2**63)
    while True:
        asked = {
            "workspace_id": workspace_id,
            "after": after,
            "limit": _BATCH,
            "redacted": REDACTED,
        }
        found = (await connection.exec_driver_sql(_READ, asked)).all()
        if not found:
            return
        names = (*_COLUMNS, "names")
        entries = [dict(zip(names, row, strict=True)) for row in found]
        yield entries
        after = entries[-1]["seq"]


def _step(walk: Walk, entry: Mapping[str, Any]) -> Break | None:
    """Go one entry further, unless it is not the one that follows."""
    seq: int = entry["seq"]
    if seq != walk.seq + 1:
        return _gap(walk.seq, seq)
    problem = _emptied(walk, entry) if entry["redacted_at"] else _content(entry)
    if problem is not None:
        return problem
    if link(walk.hash, entry["digest"]) != entry["hash"]:
        return Break(
            seq, Fault.CHAIN, f"The hash of entry {seq} does not follow from the one before."
        )
    walk.seq, walk.hash = seq, entry["hash"]
    walk.said_redacted.update(entry["names"] or ())
    return None


def _gap(last: int, seq: int) -> Break:
    if seq <= last:
        return Break(seq, Fault.ORDER, f"Entry {seq} has a number below the first.")
    missing = f"Entry {last + 1} is" if seq == last + 2 else f"Entries {last + 1} to {seq - 1} are"
    return Break(last + 1, Fault.MISSING, f"{missing} missing before entry {seq}.")


def _content(entry: Mapping[str, Any]) -> Break | None:
    if digest_of(canonical(entry)) == entry["digest"]:
        return None
    seq = entry["seq"]
    return Break(seq, Fault.CONTENT, f"Entry {seq} does not say what it said when it was written.")


def _emptied(walk: Walk, entry: Mapping[str, Any]) -> Break | None:
    """Of a redacted entry the digest is taken for given; so it must say nothing any more."""
    walk.redacted.add(entry["seq"])
    left = [name for name in ERASABLE if entry[name]]
    if not left:
        return None
    sentence = f"Entry {entry['seq']} is marked as redacted and still has its {', '.join(left)}."
    return Break(entry["seq"], Fault.CONTENT, sentence)


def _unlike(walk: Walk, expected: Anchor | None) -> Break | None:
    if expected is None or expected.seq != walk.seq or expected.hash == walk.hash:
        return None
    sentence = f"Entry {walk.seq} had the hash {expected.hash.hex()} when it was noted."
    return Break(walk.seq, Fault.ANCHOR, f"{sentence} Now it has {walk.hash.hex()}.")


def _unsaid(walk: Walk) -> Break | None:
    silent = min(walk.redacted - walk.said_redacted, default=None)
    if silent is None:
        return None
    return Break(silent, Fault.UNSAID, f"Entry {silent} was emptied, and no entry says so.")


async def _placed(db: AsyncSession, workspace_id: int, walk: Walk, found: Break) -> Break:
    """The same break; where the entry that belongs there stands elsewhere, that is said."""
    if found.fault not in {Fault.CONTENT, Fault.CHAIN}:
        return found
    asked = {"workspace_id": workspace_id, "seq": found.seq, "before": walk.hash}
    connection = await db.connection()
    elsewhere = (await connection.exec_driver_sql(_FOLLOWS, asked)).scalar()
    if elsewhere is None:
        return found
    sentence = (
        f"The entry that belongs at {found.seq} stands at {elsewhere}: the order was changed."
    )
    return Break(found.seq, Fault.ORDER, sentence)


async def _end(
    db: AsyncSession, workspace_id: int, walk: Walk, expected: Anchor | None
) -> Break | None:
    connection = await db.connection()
    about = {"workspace_id": workspace_id}
    row: Any = (await connection.exec_driver_sql(_HEAD, about)).one()
    head, hash_at_head = row
    if expected is not None and expected.seq > walk.seq:
        sentence = f"Entry {expected.seq} was noted once; the journal ends at {walk.seq}."
        return Break(walk.seq + 1, Fault.ANCHOR, f"{sentence} The rest was cut off.")
    if head > walk.seq:
        sentence = f"The journal was written up to {head}; the last entry there is, is {walk.seq}."
        return Break(walk.seq + 1, Fault.MISSING, sentence)
    if head < walk.seq:
        sentence = f"The journal was written up to {head}; entries up to {walk.seq} are there."
        return Break(head + 1, Fault.HEAD, sentence)
    if hash_at_head != walk.hash:
        sentence = f"The hash kept for the head is not the one of entry {head}."
        return Break(head, Fault.HEAD, sentence)
    return None
