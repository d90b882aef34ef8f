"""The days that are printed on what is issued at one moment."""

import datetime as dt
from decimal import Decimal

from models.catalog import Course
from models.workspaces import Workspace
from operations.certificates import printing
from sync_engine.ticks import zone_named


class Days:
    """The days of what is issued at one moment, as the workspace's calendar has them."""

    def __init__(self, workspace: Workspace, course: Course, at: dt.datetime) -> None:
        self._workspace = workspace
        self._course = course
        self._zone = zone_named(workspace.time_zone)
        self._issued_on = self._day(at)
        days = course.certificate_days
        self._expires_on = None if days is None else self._issued_on + dt.timedelta(days=days)

    @property
    def expires_at(self) -> dt.datetime | None:
        """The end of the last day it is valid."""
        if self._expires_on is None:
            return None
        midnight = dt.datetime.combine(self._expires_on + dt.timedelta(days=1), dt.time())
        return midnight.replace(tzinfo=self._zone)

    def facts_of(
        self, name: str, completed_at: dt.datetime, score: Decimal | None, serial: int
    ) -> printing.Facts:
        """What the certificate of this number says of whoever completed the course then."""
        return printing.Facts(
            learner_name=name,
            course_title=self._course.title,
            workspace_name=self._workspace.name,
            completed_on=self._day(completed_at),
            issued_on=self._issued_on,
            expires_on=self._expires_on,
            score=score,
            serial=printing.serial_text(self._workspace.slug, serial),
        )

    def _day(self, at: dt.datetime) -> dt.date:
        return at.astimezone(self._zone).date()
