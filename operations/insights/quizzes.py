"""How a quiz is doing (X1), exact as of one place in the journal (X3), for those who may know."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course, Module
from models.content import ModuleRevision
from models.insights import Facet
from models.workspaces import Workspace, WorkspaceStream
from operations.content.questions import Content
from operations.content.revisions import content_of
from operations.insights import cells, quiz_hiding
from operations.insights.asking import ask, of_quiz
from operations.insights.cells import Cell, Narrow, Policy, Unit
from operations.insights.quiz_figures import (
    NOTHING_HIDDEN,
    QuestionInsights,
    QuizFigures,
    Reading,
    revision_of,
)
from operations.insights.quiz_hiding import Hiding
from operations.learning import groups
from operations.refusals import Code, Refused, not_found

SEES: Final = Permission.VIEW_ANSWERS
"""Who may view the answers of single people is told figures about few of them, too."""


@dataclass(frozen=True, slots=True)
class QuizInsights:
    """How a quiz is doing `at` a moment, everything up to entry `seq` of the journal included, of
    the submissions that `to` leaves. Where figures are hidden they are None."""

    course_id: int
    module_id: int
    epoch: uuid.UUID
    seq: int
    at: dt.datetime
    to: Narrow
    figures: QuizFigures | None = None
    questions: tuple[QuestionInsights, ...] | None = None
    title: str = ""

    @property
    def is_suppressed(self) -> bool:
        return self.figures is None


async def quiz_insights(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    module_id: int,
    to: Narrow,
    at: dt.datetime,
) -> QuizInsights:
    """How a quiz of a course is doing. Read in one snapshot.

    Raises NOT_FOUND, Denied, COURSE_NOT_ACTIVE, BAD_USER_INPUT.
    """
    sees_people = await ask(db, by, course_id, asked=Permission.VIEW_QUIZ_INSIGHTS, sees=SEES)
    about = await _about(db, by, course_id, module_id)
    if to.group_id is not None:
        await groups.of_course(db, by=by, course_id=course_id, group_id=to.group_id)
    _refuse_no_time(to)
    unit = Unit(by.workspace_id, course_id, module_id)
    insights = QuizInsights(
        course_id, module_id, about.epoch, about.head, at, to, title=about.title
    )
    smallest = 0 if sees_people else about.smallest_group
    if smallest and not await quiz_hiding.is_safe(db, unit=unit, to=to, smallest=smallest):
        return insights
    found = await cells.of_quiz(db, unit, to=to)
    reading = Reading(
        found,
        await _contents(db, unit, found, about.revision),
        everybody_once=to.policy is not Policy.ALL,
        hiding=await _hiding(db, unit, to, found, smallest),
    )
    if 0 < reading.people < smallest:
        return insights
    return replace(insights, figures=reading.quiz(), questions=reading.questions())


class _About(NamedTuple):
    """What the figures hang on, and the place in the journal they are of."""

    title: str
    revision: int | None
    smallest_group: int
    epoch: uuid.UUID
    head: int


async def _about(db: AsyncSession, by: Caller, course_id: int, module_id: int) -> _About:
    found = await db.execute(
        of_quiz(
            Module.title,
            Module.revision,
            Workspace.smallest_group,
            WorkspaceStream.epoch,
            WorkspaceStream.head,
            by=by,
            course_id=course_id,
            module_id=module_id,
        )
        .join(Workspace, Workspace.id == Course.workspace_id)
        .join(WorkspaceStream, WorkspaceStream.workspace_id == Course.workspace_id)
    )
    row = found.one_or_none()
    if row is None:
        raise not_found("quiz")
    return _About(*row)


def _refuse_no_time(to: Narrow) -> None:
    if to.since is not None and to.until is not None and to.since >= to.until:
        raise Refused(
            Code.BAD_USER_INPUT,
            "Nothing is handed in from `since` on and before `until`: `until` has to be later.",
            {"argument": "until"},
        )


async def _contents(
    db: AsyncSession, unit: Unit, found: list[Cell], newest: int | None
) -> Mapping[int, Content]:
    """What the newest revision says, and those that somebody took."""
    numbers = {revision_of(each) for each in found if each.facet is Facet.TOTAL}
    rows = await db.scalars(
        select(ModuleRevision).where(
            ModuleRevision.workspace_id == unit.workspace_id,
            ModuleRevision.module_id == unit.module_id,
            ModuleRevision.number.in_(numbers | {newest or 0}),
        )
    )
    return {row.number: content_of(row) for row in rows}


async def _hiding(
    db: AsyncSession, unit: Unit, to: Narrow, found: list[Cell], smallest: int
) -> Hiding:
    """Where everybody counts with all submissions, those who have an answer as their first are
    the people it is about, at least."""
    if not smallest:
        return NOTHING_HIDDEN
    if to.policy is Policy.ALL:
        found = await cells.of_quiz(db, unit, to=replace(to, policy=Policy.FIRST))
    return Hiding.below(smallest, found)
