"""The `coordinator` command line: one file per command.

Exit codes: 0 done; 1 looked and found something wrong, or refused; 2 cannot even start, because
of what was given. Sentences go to standard error, results to standard output.
"""

import sys


def main() -> None:
    """Run the command line; the console script points here."""
    from app.cli.commands import commands

    try:
        commands()
    except Exception as problem:
        code = _said(problem)
        if code is None:
            raise
        sys.exit(code)


def _said(problem: Exception) -> int | None:
    """Print a problem that is a sentence for people; its exit code, or None when it is none."""
    from app.embedded import CannotStart
    from operations.refusals import Denied, Refused

    if not isinstance(problem, CannotStart | Denied | Refused):
        return None
    print(problem, file=sys.stderr)
    return 2 if isinstance(problem, CannotStart) else 1
