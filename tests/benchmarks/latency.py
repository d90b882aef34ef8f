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
    results: list[tuple[float, Spread]] = []
    with stage() as here:
        print(f"{'changes/s':>10}{'samples':>9}{'p50 ms':>9}{'p99 ms':>9}", flush=True)
        here.react(rate=20.0, seconds=2.0, among=moved)
        spent = here.minimal(MINIMAL_EACH, floored)[MINIMAL_EACH // 10 :]
        for rate, seconds in RATES:
            spread = here.react(rate=rate, seconds=seconds, among=moved)
            results.append((rate, spread))
            count = len(spread.samples)
            print(f"{rate:>10.0f}{count:>9}{spread.p50:>9.2f}{spread.p99:>9.2f}", flush=True)
            spent += here.minimal(MINIMAL_EACH, floored)
    floor = Spread.of(spent)
    print(f"One minimal transaction: p50 {floor.p50:.2f} ms, p99 {floor.p99:.2f} ms.")
    for rate, spread in results:
        print(
            f"At {rate:.0f}/s: p50 {spread.p50 / floor.p50:.1f} × (aim ≤ {AIM_P50:.0f}), "
            f"p99 {spread.p99 / floor.p50:.1f} × (aim ≤ {AIM_P99:.0f}) a minimal transaction."
        )


if __name__ == "__main__":
    main()
