"""The engine's workers as processes that can be killed at any moment."""

import datetime as dt
import logging
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from sync_engine.drain import drain
from sync_engine.duties import is_away
from sync_engine.rebuild import expand, rebuild
from sync_engine.reports import follow_reports
from sync_engine.state import Rules
from sync_engine.ticks import expand_ticks, expire_overrides, expire_pins
from tests.forking import FORKS
from tests.protocols import DESIGNED, MUTANTS

IDLE_SECONDS = 0.01
PROTOCOLS = {each.name: each for each in (DESIGNED, *MUTANTS)}


def work(url: str, protocol_name: str, seed: int) -> None:
    """Do whatever waits, for ever, in small batches, dawdling where a wrong protocol would lose:
    between the first steps of a run, and before it writes."""
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # Servers are killed, too.
    dice = random.Random(seed)
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True)
    rules = Rules()

    def everything() -> None:
        drain(engine, rules, lanes=(0,), batch=dice.choice((1, 5, 50)), seconds=0.2)
        expand_ticks(engine, rules)
        follow_reports(engine, seconds=0.2)
        expand(engine, seconds=0.2)
        rebuild(engine, rules, seconds=0.2)
        drain(engine, rules, lanes=(0, 1), batch=dice.choice((5, 50, 200)), seconds=0.2)
        now = dt.datetime.now(dt.UTC)
        expire_overrides(engine, now=now)
        expire_pins(engine, now=now)

    with PROTOCOLS[protocol_name].in_force(dawdling(dice, 0.3, 0.006), dawdling(dice, 0.15, 0.012)):
        while True:
            try:
                everything()
            except (SQLAlchemyError, psycopg.Error) as problem:
                if not is_away(problem):
                    raise
            time.sleep(dice.random() * IDLE_SECONDS)


def dawdling(dice: random.Random, often: float, longest: float) -> Callable[[], None]:
    """A pause that is made so often, of one, and takes so many seconds at most."""

    def dawdle() -> None:
        if dice.random() < often:
            time.sleep(dice.random() * longest)

    return dawdle


class Crew:
    """A number of workers; who is killed is replaced.

    They are forked from a server that has imported everything, so a new one is there in a few
    hundredths of a second.
    """

    def __init__(self, url: str, protocol_name: str, size: int, dice: random.Random) -> None:
        self.kills = 0
        self._arguments = (url, protocol_name)
        self._dice = dice
        self._workers: list[BaseProcess] = [self._hire() for _ in range(size)]

    def _hire(self) -> BaseProcess:
        worker = FORKS.Process(
            target=work, args=(*self._arguments, self._dice.randrange(1 << 30)), daemon=True
        )
        worker.start()
        return worker

    def kill_one(self) -> None:
        """SIGKILL one worker, whatever it is doing, and put a new one in its place."""
        place = self._dice.randrange(len(self._workers))
        victim = self._workers[place]
        if victim.pid is not None:
            os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        self.kills += 1
        self._workers[place] = self._hire()

    def lost(self) -> list[int]:
        """Exit codes of workers that ended by themselves: there must be none."""
        return [code for each in self._workers if (code := each.exitcode) is not None]

    def dismiss(self) -> None:
        for each in self._workers:
            each.kill()
            each.join()
