"""Blocks of people, and hands that work them off: one after the other, each under its lock."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from sqlalchemy import Engine

from sync_engine import breakage
from sync_engine.markers import BLOCK_BITS
from sync_engine.snapshot import array
from sync_engine.state import Connection, OnCommit, Rules, connection_to

Did = TypeVar("Did")

RETRY_SECONDS: Final = 0.003
"""How long to wait when every block with work is locked."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive ids of one workspace's people: what one run works on, alone. A stretch is the
    same of several blocks, `count` of them from `number` on."""

    workspace_id: int
    number: int
    count: int = 1

    @property
    def first(self) -> int:
        return self.number << BLOCK_BITS

    @property
    def last(self) -> int:
        return ((self.number + self.count) << BLOCK_BITS) - 1

    @property
    def place(self) -> dict[str, int]:
        """As statements name it."""
        return {"workspace_id": self.workspace_id, "block": self.number}

    @property
    def span(self) -> dict[str, int]:
        """The first and the last id, as statements name them."""
        return {"first": self.first, "last": self.last}


class Pick(Protocol):
    """The block outside `busy` whose turn it is, of the workspace that comes after `turn`, and
    whether its lock is ours now. None: there is no work outside them."""

    def __call__(
        self, db: Connection, busy: Collection[Block], turn: int
    ) -> tuple[Block | None, bool]: ...


def outside(busy: Collection[Block]) -> dict[str, str]:
    """These blocks, as statements name those that are not to be picked."""
    return {
        "workspaces": array(each.workspace_id for each in busy),
        "blocks": array(each.number for each in busy),
    }


def in_hands(hands: int, work: Callable[[], Did]) -> list[Did]:
    """What so many threads did that all do this work."""
    if hands == 1:
        return [work()]
    with ThreadPoolExecutor(hands, thread_name_prefix="hand") as pool:
        return [each.result() for each in [pool.submit(work) for _ in range(hands)]]


def work_off(
    engine: Engine,
    rules: Rules,
    lane: str,
    pick: Pick,
    run: Callable[[Connection, Rules, Block], bool],
    *,
    seconds: float,
    on_commit: OnCommit,
    stretch: Callable[[], int] = lambda: 1,
) -> bool:
    """One pair of hands, from the first block with work to the last; whether time ended first.

    `run` works a block off whose lock is held, and says whether anything could be done. Where
    somebody else works, as many blocks as a `stretch` of our own has are passed over at first, and
    single ones when nothing else is left.
    """
    until = time.monotonic() + seconds
    busy: list[Block] = []
    leap, more = 1, False
    with connection_to(engine) as db:
        while not more:
            block, is_ours = pick(db, busy, rules.turns[lane])
            if block is None and not busy:
                break
            if block is None:
                db.rollback()
                busy.clear()
                leap = 1
                time.sleep(RETRY_SECONDS)
            elif is_ours and run(db, rules, block):
                rules.turns[lane] = block.workspace_id
                busy.clear()
                leap = stretch()
            else:
                ahead = 1 if is_ours else leap
                busy += [replace(block, number=block.number + n) for n in range(ahead)]
            more = time.monotonic() > until
        db.rollback()
        breakage.report(db, rules, on_commit)
    return more
