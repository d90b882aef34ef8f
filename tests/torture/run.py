"""The rounds: a burst of everything at once, quiet, judgment."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import create_engine

from operations.edge import silent
from tests.protocols import DESIGNED, Protocol
from tests.torture.crew import Crew
from tests.torture.field import Field
from tests.torture.hand import Hand
from tests.torture.judge import Judge
from tests.torture.manager import Manager
from tests.torture.themes import Theme, drawn
from tests.torture.weather import Weather

WRITERS = 3
ROUNDS_A_FIELD = 20
SURVEYS = (1, 4, 10)
"""After which of them PostgreSQL is told what has grown."""
QUIET_SECONDS = 30.0


@dataclass(slots=True)
class Tally:
    """What happened, and what was wrong by kind and round."""

    rounds: int = 0
    changes: int = 0
    edits: int = 0
    decisions: int = 0
    refused: int = 0
    held: int = 0
    undone: int = 0
    kills: int = 0
    crashes: int = 0
    theme: str = ""
    themes: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, dict[str, int]] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    """What lay around the memberships that were wrong first."""

    @property
    def wrong_pairs(self) -> int:
        return sum(sum(kinds.values()) for kinds in self.wrong.values())


class NotQuiet(Exception):
    """A worker ended by itself, or work is left although nobody writes any more."""


def torture(
    url: str,
    *,
    rounds: int,
    seconds: float,
    seed: int,
    protocol: Protocol = DESIGNED,
    workers: int = 3,
    each: Callable[[Tally], object] = lambda tally: None,
    until_wrong: bool = False,
    outside: Weather | None = None,
) -> Tally:
    """Rounds of bursts with killed workers, judged after each; ends at the first limit reached.

    With `outside` PostgreSQL and Redis go away in some of them, too.
    """
    dice = random.Random(seed)
    tally = Tally()
    ends = time.monotonic() + seconds
    with everybody_at(url, protocol, workers, dice, outside) as everybody:
        judges: list[Judge] = []
        for theme in drawn(dice):
            if tally.rounds % ROUNDS_A_FIELD == 0:
                if tally.rounds:
                    everybody.field.sow(dice)
                quiet(everybody.field, everybody.crew)
                judges = [Judge(plot.ground) for plot in everybody.field.plots]
            burst(everybody, theme, dice)
            tally.rounds += 1
            tally.theme = theme.name
            tally.themes[theme.name] += 1
            quiet(everybody.field, everybody.crew)
            if tally.rounds % ROUNDS_A_FIELD in SURVEYS:
                everybody.field.survey()
            everybody.count(tally)
            wrong = [kinds for judge in judges if (kinds := judge.wrong())]
            if wrong:
                tally.wrong[tally.rounds] = dict(sum(map(Counter, wrong), Counter[str]()))
                found = [line for judge in judges for line in judge.evidence()]
                tally.evidence = tally.evidence or found
            each(tally)
            is_over = tally.rounds == rounds or time.monotonic() > ends
            if is_over or (wrong and until_wrong):
                break
    return tally


@dataclass(frozen=True, slots=True)
class Everybody:
    """All who act in a round."""

    field: Field
    writers: list[Hand]
    editor: Hand
    manager: Manager
    crew: Crew
    outside: Weather | None

    def count(self, tally: Tally) -> None:
        ground = self.field.plots[0].ground
        tally.changes = sum(hand.steps for hand in self.writers)
        tally.edits, tally.kills = self.editor.steps, self.crew.kills
        tally.decisions, tally.refused = self.manager.decisions, self.manager.refused
        tally.held = ground.one("SELECT coalesce(sum(held), 0) FROM change_set")
        tally.undone = ground.one("SELECT count(*) FROM change_set WHERE undone_at IS NOT NULL")
        if self.outside is not None:
            tally.kills += self.outside.killed
            tally.crashes = self.outside.crashes + self.outside.forgotten


@contextmanager
def everybody_at(
    url: str, protocol: Protocol, workers: int, dice: random.Random, outside: Weather | None
) -> Iterator[Everybody]:
    """All who are needed, at a field that has just been sown."""
    with contextlib.ExitStack() as stack:
        engine = create_engine(url)
        stack.callback(engine.dispose)
        field = stack.enter_context(contextlib.closing(Field(engine, protocol, dice)))
        ring = outside.bell.ring if outside else silent
        manager = Manager(field, dice.randrange(1 << 30), ring)
        stack.callback(manager.close)
        editor, *writers = [Hand(field, dice.randrange(1 << 30)) for _ in range(WRITERS + 1)]
        for each in (editor, *writers):
            stack.callback(each.close)
        crew = Crew(url, protocol.name, workers, dice)
        stack.callback(crew.dismiss)
        yield Everybody(field, writers, editor, manager, crew, outside)


def burst(everybody: Everybody, theme: Theme, dice: random.Random) -> None:
    """All hands at once; in four of five rounds a worker is killed in the middle."""
    problems: list[BaseException] = []
    everybody.field.begin_round(dice)

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - told by the main thread
            problems.append(problem)

    works: list[Callable[[], None]] = [
        *(
            partial(each.work, theme.changes, theme.writes, theme.writing)
            for each in everybody.writers
        ),
        partial(everybody.editor.work, theme.edited, theme.edits, theme.editing),
        partial(everybody.manager.decide, theme.decided),
    ]
    threads = [threading.Thread(target=run, args=(each,)) for each in works]
    for thread in threads:
        thread.start()
    time.sleep(dice.random() * 0.25)
    if dice.random() < 0.8:
        everybody.crew.kill_one()
    was_away = everybody.outside is not None and everybody.outside.strike(dice)
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    if was_away:
        everybody.field.come_back()


def quiet(field: Field, crew: Crew) -> None:
    """Wait until nothing waits: no marker, no window, no override or pin that will soon end."""
    ends = time.monotonic() + QUIET_SECONDS
    ground = field.plots[0].ground
    # What ends leaves a marker: it is looked for first, or both might be missed.
    while (
        ground.one(
            "SELECT EXISTS (SELECT FROM coordinator_override"
            " WHERE expires_at IS NOT NULL AND kind <> 'ENDING')"
            " OR EXISTS (SELECT FROM membership_pin WHERE expires_at IS NOT NULL)"
        )
        or ground.claimed()
        or ground.waiting()
    ):
        if crew.lost():
            raise NotQuiet(f"Workers ended by themselves with {crew.lost()}.")
        if time.monotonic() > ends:
            raise NotQuiet(f"After {QUIET_SECONDS:.0f} seconds there is still something to do.")
        time.sleep(0.005)
