"""Mail as files: where no SMTP server is set, every mail becomes a .eml file one can open.

The name follows from the Message-ID, so a mail that is carried twice is one file. A file appears
whole or not at all, and only its owner reads it: an invitation holds a working link.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

from app.mail.carriers import CouldNotCarry
from operations.mail import NotTaken


class Folder:
    """Carries mail into a directory, which is made at the first mail."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Folder"]:
        """A folder is always open."""
        yield self

    async def carry(self, message: EmailMessage, to: Sequence[str]) -> Mapping[str, NotTaken]:
        """Write one file, whoever it is `to`. Raises CouldNotCarry, as for a full disk."""
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as problem:
            raise CouldNotCarry(f"{self._directory}: {problem.strerror}", is_away=True) from None
        return {}

    def _write(self, message: EmailMessage) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        file, unfinished = tempfile.mkstemp(dir=self._directory, prefix=".", suffix=".part")
        try:
            with os.fdopen(file, "wb") as writing:
                writing.write(message.as_bytes())
                writing.flush()
                os.fsync(writing.fileno())
            Path(unfinished).replace(self._directory / f"{name}.eml")
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
