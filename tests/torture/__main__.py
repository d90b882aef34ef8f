"""`python -m tests.torture --rounds 400`: writers, edits, decisions, ticks; everything is killed.

Exit code 1 when anything was wrong after any round. `--mutant NAME` runs a protocol that is broken
in one way, until it is caught.
"""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from app.embedded import EmbeddedPostgres
from tests.protocols import DESIGNED, MUTANTS
from tests.servers import migrate
from tests.torture.run import NotQuiet, Tally, torture
from tests.torture.weather import weather

WRITTEN = {"synchronous_commit": "on", "full_page_writes": "on"}
"""What has been committed survives the end of the server's processes, if not of the machine."""
PROTOCOLS = {each.name: each for each in (DESIGNED, *MUTANTS)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=300.0, help="stop after this long")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--mutant", choices=[each.name for each in MUTANTS])
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


def main() -> None:
    chosen = arguments()
    seed = time.time_ns() % 1_000_000 if chosen.seed is None else chosen.seed
    home = Path(tempfile.mkdtemp(prefix="coordinator-torture-"))
    home.chmod(0o755)
    print(f"Protocol: {chosen.mutant or 'as designed'}; seed {seed}.")
    try:
        with EmbeddedPostgres(home / "postgres", durable=False, settings=WRITTEN) as server:
            server.create_database("torture")
            url = server.url("torture")
            migrate(url)
            with nullcontext() if chosen.mutant else weather(server, url, home) as outside:
                tally = torture(
                    url,
                    rounds=chosen.rounds,
                    seconds=chosen.seconds,
                    seed=seed,
                    protocol=PROTOCOLS[chosen.mutant or DESIGNED.name],
                    workers=chosen.workers,
                    each=progress,
                    until_wrong=chosen.mutant is not None,
                    outside=outside,
                )
    except NotQuiet as problem:
        sys.exit(str(problem))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(line(tally))
    sys.exit(1 if tally.wrong else 0)


if __name__ == "__main__":
    main()
