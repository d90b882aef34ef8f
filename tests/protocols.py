"""The engine's protocol, and five ways to get it wrong.

Each broken variant changes one thing that the proof rests on (research: engine §2.3). The
schedules in test_interleavings.py, and the torture run, must catch every one of them. Nothing is
patched that does not look as it did when the variant was written: it could be no variant any more.
"""

import contextlib
import datetime as dt
import inspect
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

from sync_engine import drain, markers, rebuild, snapshot, ticks
from sync_engine.blocks import Block
from sync_engine.holds import Done
from sync_engine.state import Connection, Rules

PEEK = """
SELECT member_id FROM dirty_member
 WHERE workspace_id = %s AND member_id BETWEEN %s AND %s AND lane <= %s
 ORDER BY lane, since LIMIT %s
"""


TRIES_THE_LOCK = "pg_try_advisory_xact_lock(p.workspace_id, p.block)"
TOUCHES = """ON CONFLICT (member_id) DO UPDATE
   SET lane = least(dirty_member.lane, excluded.lane), cause = excluded.cause
"""
STEPS = (
    (drain._run, "claim", ("db", "block", "lane", "batch")),
    (drain._settle, "read_people", ("db", "workspace_id", "member_ids")),
    (drain._settle, "write_plan", ("db", "case", "plan")),
    (rebuild._run, "write_plan", ("db", "case", "plan")),
)
"""The steps that are patched: who takes them, under which name, and what they are given."""


class Changed(Exception):
    """What would be patched is not there any more, or more than once."""


def swapped(text: str, old: str, new: str) -> str:
    """The text with its one `old` part replaced."""
    if text.count(old) != 1:
        raise Changed(f"{old!r} is {text.count(old)} times in {text!r}; it should be once.")
    return text.replace(old, new)


def refuse_other_than(taker: Callable[..., object], name: str, parameters: tuple[str, ...]) -> None:
    """The step is still taken there, by that name, and given that."""
    step = taker.__globals__.get(name)
    if name not in taker.__code__.co_names or step is None:
        raise Changed(f"{taker.__qualname__} takes no step {name!r} any more.")
    if tuple(inspect.signature(step).parameters) != parameters:
        raise Changed(f"{name} is given {inspect.signature(step)}, not {parameters}.")


def lockers() -> list[tuple[ModuleType, str]]:
    """Every name of the two statements, one of drains and one of rebuilds, that lock a block."""
    found = [
        (module, name)
        for place, module in sorted(sys.modules.items())
        if place.startswith("sync_engine.")
        for name, value in vars(module).items()
        if isinstance(value, str) and TRIES_THE_LOCK in value
    ]
    if len({getattr(module, name) for module, name in found}) != 2:
        raise Changed(f"Blocks are not locked by two statements, but by {found}.")
    return found


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a writer, a rule edit and a tick do, and how the engine takes its steps."""

    name: str = "designed"
    mark_members: str = markers.MARK_MEMBERS
    reads_before_claiming: bool = False
    locks_blocks: bool = True
    expands_in_the_edit: bool = False
    marks_in_the_tick: bool = False

    @contextlib.contextmanager
    def in_force(
        self,
        between: Callable[[], object] = lambda: None,
        before_writing: Callable[[], object] = lambda: None,
    ) -> Iterator[None]:
        """Let the engine work by this protocol; `between` runs between its claim and its read,
        whichever comes first, and `before_writing` once it knows what has to change."""
        for taker, name, parameters in STEPS:
            refuse_other_than(taker, name, parameters)
        with contextlib.ExitStack() as stack:
            if not self.locks_blocks:
                for module, name in lockers():
                    unlocked = swapped(getattr(module, name), TRIES_THE_LOCK, "true")
                    stack.enter_context(patch.object(module, name, unlocked))
            for module in (drain, rebuild):
                late = _after(before_writing, module.write_plan)
                stack.enter_context(patch.object(module, "write_plan", late))
            claim, read = _reversed(between) if self.reads_before_claiming else _ordered(between)
            stack.enter_context(patch.object(drain, "claim", claim))
            stack.enter_context(patch("sync_engine.drain.read_people", read))
            yield

    def mark_segment(
        self, db: Connection, workspace_id: int, segment_id: int, cause: uuid.UUID | None = None
    ) -> None:
        """What a rule edit leaves behind in its transaction."""
        if self.expands_in_the_edit:
            rebuild.fan_out(db, workspace_id, segment_id, cause)
        else:
            db.execute(
                markers.MARK_SEGMENT,
                {"segment_id": segment_id, "workspace_id": workspace_id, "cause": cause},
            )

    def move_clock(
        self, db: Connection, rules: Rules, workspace_id: int, old: dt.date, new: dt.date
    ) -> None:
        """What a tick does in its transaction, all but its journal entry."""
        move: dict[str, Any] = {"workspace_id": workspace_id, "old": old, "new": new}
        db.execute(ticks.MOVE_CLOCK, move | {"cause": None})
        if self.marks_in_the_tick:
            row = db.execute(ticks.EPOCH, {"workspace_id": workspace_id}).fetchone()
            assert row is not None
            offsets = rules.of(db, workspace_id, row[0]).offsets()
            ids = ticks.people_crossing(db, workspace_id, offsets, old, new)
            ticks.mark(db, workspace_id, ids, None)
            window = "DELETE FROM tick_window WHERE workspace_id = %s AND new = %s"
            if db.execute(window, (workspace_id, new)).rowcount != 1:
                raise Changed("A tick leaves no window any more.")


DESIGNED = Protocol()
DO_NOTHING = replace(
    DESIGNED,
    name="do-nothing",
    mark_members=swapped(markers.MARK_MEMBERS, TOUCHES, "ON CONFLICT DO NOTHING"),
)
READ_BEFORE_CLAIM = replace(DESIGNED, name="read-before-claim", reads_before_claiming=True)
NO_LOCK = replace(DESIGNED, name="no-lock", locks_blocks=False)
EXPAND_IN_EDIT = replace(DESIGNED, name="expand-in-edit", expands_in_the_edit=True)
MARK_IN_TICK = replace(DESIGNED, name="mark-in-tick", marks_in_the_tick=True)

MUTANTS = (DO_NOTHING, READ_BEFORE_CLAIM, NO_LOCK, EXPAND_IN_EDIT, MARK_IN_TICK)

Claim = Callable[[Connection, Block, int, int], dict[int, uuid.UUID | None]]
Read = Callable[..., list[tuple[Any, ...]]]

_claim, _read = drain.claim, snapshot.read_people


def _after(first: Callable[[], object], step: Callable[..., Done]) -> Callable[..., Done]:
    def late(*arguments: Any) -> Done:
        first()
        return step(*arguments)

    return late


def _ordered(between: Callable[[], object]) -> tuple[Claim, Read]:
    def claim(db: Connection, block: Block, lane: int, batch: int) -> dict[int, uuid.UUID | None]:
        claimed = _claim(db, block, lane, batch)
        between()
        return claimed

    return claim, _read


def _reversed(between: Callable[[], object]) -> tuple[Claim, Read]:
    """Read the people whose markers are there, and claim them only then."""
    early: dict[int, tuple[Any, ...]] = {}

    def claim(db: Connection, block: Block, lane: int, batch: int) -> dict[int, uuid.UUID | None]:
        peek = (block.workspace_id, block.first, block.last, lane, batch)
        ids = [id for (id,) in db.execute(PEEK, peek)]
        early.clear()
        early.update({row[3]: row for row in _read(db, block.workspace_id, ids)})
        between()
        return _claim(db, block, lane, batch)

    def read(db: Connection, workspace_id: int, member_ids: Any) -> list[tuple[Any, ...]]:
        late = [id for id in member_ids if id not in early]
        rows = [early[id] for id in member_ids if id in early]
        return rows + (_read(db, workspace_id, late) if late else [])

    return claim, read
