"""The notebook of one reading: what is wrong so far, and whether reading on is worth it."""

from sync_engine.rules.problems import LIMITS, Problem, ProblemCode


class Findings:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.is_too_large = False
        self._clauses = 0

    def is_full(self) -> bool:
        """Whether a limit ends the reading: beyond it nothing new would be learned."""
        return self._clauses > LIMITS.clauses or len(self.problems) >= LIMITS.problems

    def has_many_problems(self) -> bool:
        """Whether looking for a way out of one more would cost more time than it saves."""
        return len(self.problems) >= 10

    def count_clause(self, path: str) -> bool:
        """Whether there is room for one more clause."""
        self._clauses += 1
        if self._clauses <= LIMITS.clauses:
            return True
        self.note(
            ProblemCode.TOO_MANY_CLAUSES,
            f"This is clause {self._clauses}; a rule has at most {LIMITS.clauses}. Use in, hasAny "
            "or hasAll for several values of one attribute, or split it into several segments.",
            path,
        )
        return False

    def note(self, code: ProblemCode, message: str, path: str) -> None:
        self.problems.append(Problem(code, message, path))

    def note_in_clause(self, code: ProblemCode, message: str, path: str) -> None:
        self.note(code, f"Clause {self._clauses}: {message}", path)

    def note_size(self, size: str) -> None:
        """Refuse the whole rule for its size; its values are not looked at from now on."""
        self.is_too_large = True
        self.note(
            ProblemCode.TOO_LARGE,
            f"The rule takes {size} bytes; {LIMITS.bytes:,} are allowed. Shorten its lists, "
            "or split it into several segments.",
            "",
        )
