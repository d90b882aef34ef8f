"""What carries a mail away, whichever way."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from email.message import EmailMessage
from typing import Protocol

from operations.mail import NotTaken


class CouldNotCarry(Exception):
    """A mail was not taken. `is_away`: nobody is there to take any mail just now."""

    def __init__(self, reason: str, *, is_final: bool = False, is_away: bool = False) -> None:
        super().__init__(reason)
        self.problem = NotTaken(reason, is_final)
        self.is_away = is_away


class Line(Protocol):
    """A connection that carries one mail after another."""

    async def carry(self, message: EmailMessage, to: Sequence[str]) -> Mapping[str, NotTaken]:
        """Hand a mail over to these addresses; those that were refused while others were not.

        Raises CouldNotCarry when it was taken for nobody.
        """


class Carrier(Protocol):
    """A way out of the house."""

    def line(self) -> AbstractAsyncContextManager[Line]:
        """A line of one's own, opened when first used, closed at the end of the block."""
