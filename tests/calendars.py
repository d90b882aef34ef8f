"""Calendars as somebody else reads them: ical.js, which knows no time zone but those it is told."""

import datetime as dt
import json
import subprocess
from collections.abc import Sequence
from typing import Any

from models.live_sessions import LiveSession, LiveSessionState
from operations.live_sessions.calendars import Entry
from tests.node import NodeClients
from tests.world import MONDAY


def read_back(clients: NodeClients, *texts: bytes) -> list[Any]:
    """What ical.js makes of each."""
    done = subprocess.run(
        clients.command("read_calendars.mjs"),
        input=json.dumps([each.decode() for each in texts]),
        cwd=clients.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def entry(
    starts_at: dt.datetime = MONDAY,
    *,
    lasting: dt.timedelta = dt.timedelta(hours=1),
    zone: str = "Europe/Stockholm",
    id: int = 7,
    said: Sequence[tuple[str, Any]] = (),
    **known: Any,
) -> Entry:
    """A live session as it might be stored; `said` replaces columns of the row."""
    row = LiveSession(
        id=id,
        workspace_id=1,
        course_id=1,
        title="Ladders",
        description="",
        starts_at=starts_at,
        ends_at=starts_at + lasting,
        time_zone=zone,
        state=LiveSessionState.SCHEDULED,
        sequence=0,
        created_at=MONDAY,
        changed_at=MONDAY,
    )
    for name, value in said:
        setattr(row, name, value)
    about: dict[str, Any] = {
        "course_title": "Safety",
        "changed_at": MONDAY,
        "is_waiting": False,
        "is_teaching": False,
        "link": None,
    }
    return Entry(row, **(about | known))
