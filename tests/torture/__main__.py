"""`python -m tests.torture`: everything at once, while workers and servers are killed.

Exit code 1 when anything was wrong after any round. `--mutant NAME` runs a protocol that is broken
in one way, and `--mutants` each of them, until it is caught: exit code 1 when one is not.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from app.embedded import EmbeddedPostgres
from tests.protocols import MUTANTS, Protocol
from tests.servers import migrate
from tests.torture.run import NotQuiet, Tally, torture
from tests.torture.weather import weather

WRITTEN = {"synchronous_commit": "on", "full_page_writes": "on"}
"""What has been committed survives the end of the server's processes, if not of the machine."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, help="at most: 1000, of a mutant 100")
    parser.add_argument("--seconds", type=float, help="stop after: 1800, a mutant 300")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=3)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--mutant", choices=[each.name for each in MUTANTS])
    which.add_argument("--mutants", action="store_true", help="one after the other")
    return parser.parse_args()


def progress(tally: Tally) -> None:
    if tally.rounds % 20 == 0 or tally.rounds in tally.wrong:
        print(line(tally), flush=True)


def line(tally: Tally) -> str:
    return (
        f"{tally.rounds:>5} rounds {tally.changes:>7,} changes {tally.edits:>6,} edits"
        f" {tally.decisions:>5,} decisions ({tally.refused} refused) {tally.held:>4} held"
        f" {tally.undone:>3} undone {tally.kills:>4} kills {tally.crashes:>3} crashes"
        f" {tally.wrong_pairs:>3} wrong pairs"
        f" {tally.wrong.get(tally.rounds, '')}"
    )


def as_designed(
    server: EmbeddedPostgres, home: Path, seed: int, chosen: argparse.Namespace
) -> bool:
    """Whether nothing was wrong."""
    url = prepared(server, "torture")
    with weather(server, url, home) as outside:
        tally = torture(
            url,
            rounds=chosen.rounds or 1000,
            seconds=chosen.seconds or 1800,
            seed=seed,
            workers=chosen.workers,
            each=progress,
            outside=outside,
        )
    print(line(tally), *tally.evidence, sep="\n")
    for theme, rounds in tally.themes.most_common():
        print(f"{rounds:>5} rounds of {theme}")
    if tally.rounds < (chosen.rounds or 1000) and chosen.seconds is None:
        print("Time ended before the rounds did: say --seconds, or less --rounds.")
        return False
    return not tally.wrong


def is_caught(
    server: EmbeddedPostgres, mutant: Protocol, seed: int, chosen: argparse.Namespace
) -> bool:
    """Whether something was wrong, and after how many rounds. A worker of the product would do
    right what the mutant does wrong, so there is none."""
    last = Tally()

    def remember(tally: Tally) -> None:
        nonlocal last
        last = tally

    with mutant.in_force():
        pass  # What it breaks is still there, or it says so here.
    try:
        torture(
            prepared(server, mutant.name),
            rounds=chosen.rounds or 100,
            seconds=chosen.seconds or 300,
            seed=seed,
            protocol=mutant,
            workers=chosen.workers,
            each=remember,
            until_wrong=True,
        )
    except NotQuiet as problem:
        if not last.rounds:
            raise
        print(f"{mutant.name:<20} caught after {last.rounds} rounds: {problem}", flush=True)
        return True
    said = f"caught after {last.rounds} rounds, in one of “{last.theme}”: {last.wrong}"
    print(f"{mutant.name:<20}", said if last.wrong else f"NOT caught in {last.rounds} rounds")
    return bool(last.wrong)


def prepared(server: EmbeddedPostgres, name: str) -> str:
    database = name.replace("-", "_")
    server.create_database(database)
    migrate(server.url(database))
    return server.url(database)


def main() -> None:
    chosen = arguments()
    seed = time.time_ns() % 1_000_000 if chosen.seed is None else chosen.seed
    home = Path(tempfile.mkdtemp(prefix="coordinator-torture-"))
    home.chmod(0o755)
    mutants = [each for each in MUTANTS if chosen.mutants or each.name == chosen.mutant]
    print(f"Seed {seed}.", flush=True)
    try:
        with EmbeddedPostgres(home / "postgres", durable=False, settings=WRITTEN) as server:
            if mutants:
                caught = [is_caught(server, each, seed, chosen) for each in mutants]
                is_fine = all(caught)
            else:
                is_fine = as_designed(server, home, seed, chosen)
    except NotQuiet as problem:
        sys.exit(str(problem))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()
