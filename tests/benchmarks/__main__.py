"""All benchmarks, one after the other, each in a process of its own: `make bench`."""

import subprocess
import sys
import time

BENCHMARKS = (
    "latency",
    "drain",
    "rules",
    "interactive",
    "attach",
    "journal",
    "permissions",
    "learners",
    "learner_list",
    "workbook",
    "export",
    "imports",
    "insights",
    "why",
    "preview",
    "marks",
)

OF_THEIR_OWN = ("scale", "partitions")
"""Too long to run with the others: `make bench-scale`, `python -m tests.benchmarks.partitions`."""


def main() -> None:
    """Run them all; exit code 1 when one of them broke off."""
    broken = []
    for name in BENCHMARKS:
        print(f"--- {name} {'-' * (70 - len(name))}", flush=True)
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=False)
        print(f"({time.monotonic() - began:.0f} s)\n", flush=True)
        if done.returncode != 0:
            broken.append(name)
    if broken:
        print(f"Broke off: {', '.join(broken)}.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
