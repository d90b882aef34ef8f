"""Commit of a change to commit of its coordinators: `python -m tests.benchmarks.latency`.

At 2, 20 and 100 changes a second, through the bell, Redis, Dramatiq, a worker process and
PostgreSQL, as multiples of one minimal transaction on the same server in the same run. Aims: the
median at most 4 ×, the 99th percentile at most 12 ×.
"""

from typing import Final

from tests.benchmarks.reaction import PEOPLE, Spread, stage

RATES: Final = ((2.0, 12.0), (20.0, 10.0), (100.0, 10.0))
"""Changes a second, and for how many seconds."""

MINIMAL_EACH: Final = 200
AIM_P50: Final = 4.0
AIM_P99: Final = 12.0


def main() -> None:
    moved, floored = range(PEOPLE // 2), range(PEOPLE // 2, PEOPLE)
    results: list[tuple[float, Spread, Spread]] = []
    with stage() as here:
        print(f"{'changes/s':>10}{'samples':>9}{'p50 ms':>9}{'p99 ms':>9}", flush=True)
        here.react(rate=20.0, seconds=2.0, among=moved)
        hot = here.minimal(MINIMAL_EACH, floored)[MINIMAL_EACH // 10 :]
        for rate, seconds in RATES:
            spread = here.react(rate=rate, seconds=seconds, among=moved)
            count = len(spread.samples)
            paced = Spread.of(here.minimal(min(count, MINIMAL_EACH), floored, rate=rate))
            results.append((rate, spread, paced))
            print(f"{rate:>10.0f}{count:>9}{spread.p50:>9.2f}{spread.p99:>9.2f}", flush=True)
            hot += here.minimal(MINIMAL_EACH, floored)
    _tell(Spread.of(hot), results)


def _tell(hot: Spread, results: list[tuple[float, Spread, Spread]]) -> None:
    """Multiples of the median of a minimal transaction: one made at the same rate, by a process
    and a server that have slept meanwhile as everybody in the chain has, and one of many made
    one after the other."""
    print(f"Minimal transactions one after the other: p50 {hot.p50:.2f}, p99 {hot.p99:.2f} ms.")
    for rate, spread, paced in results:
        print(
            f"At {rate:.0f}/s a minimal transaction takes p50 {paced.p50:.2f} ms; "
            f"p50 {spread.p50 / paced.p50:.1f} × (aim ≤ {AIM_P50:.0f}), "
            f"p99 {spread.p99 / paced.p50:.1f} × (aim ≤ {AIM_P99:.0f}) of that; "
            f"{spread.p50 / hot.p50:.1f} × and {spread.p99 / hot.p50:.1f} × of the other."
        )


if __name__ == "__main__":
    main()
