"""The gradebook: of each learner and each quiz and assignment of a course, the latest and the best
that was graded (H6). Only attempts that count are looked at."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import CourseModule, Module, ModuleKind
from models.grading import Submission
from models.people import Member
from models.progress import Progress
from operations.learning.visible import learners

SCORED: Final = (ModuleKind.QUIZ, ModuleKind.ASSIGNMENT)

CELLS: Final = text("""
SELECT s.course_id, s.member_id, s.module_id, count(*) AS handed_in,
       count(*) FILTER (WHERE s.state = 'SUBMITTED') AS waiting,
       (array_agg(s.id ORDER BY a.number DESC, s.number DESC)
        FILTER (WHERE s.state = 'GRADED'))[1] AS latest,
       (array_agg(s.id ORDER BY s.score / nullif(s.max_score, 0) DESC NULLS LAST,
                                a.number DESC, s.number DESC)
        FILTER (WHERE s.state = 'GRADED'))[1] AS best
  FROM unnest(CAST(:courses AS integer[]), CAST(:members AS bigint[])) AS whose (course, member)
  JOIN progress p ON p.course_id = whose.course AND p.member_id = whose.member
  JOIN attempt a ON a.course_id = p.course_id AND a.member_id = p.member_id
                AND a.number > p.attempts_before AND a.state NOT IN ('RESET', 'ABANDONED')
  JOIN submission s ON s.attempt_id = a.id AND s.state <> 'IN_PROGRESS'
 WHERE p.workspace_id = :workspace_id
 GROUP BY s.course_id, s.member_id, s.module_id
""")

Whose = tuple[int, int]
"""A course, and a person on it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One learner at one module; the submissions by their ids."""

    handed_in: int = 0
    waiting: int = 0
    latest_id: int | None = None
    best_id: int | None = None


NOTHING: Final = Cell()


def rows(by: Caller) -> Select[Progress]:
    """Those who learn now, on courses whose answers the caller may view of everybody."""
    return (
        learners(by, Permission.VIEW_ANSWERS)
        .join(Member, Member.id == Progress.member_id)
        .where(Progress.is_learner, Member.deleted_at.is_(None))
    )


async def columns(
    db: AsyncSession, *, workspace_id: int, course_ids: Collection[int]
) -> Mapping[int, list[Module]]:
    """The quizzes and assignments of these courses, in order."""
    found: dict[int, list[Module]] = {id: [] for id in course_ids}
    statement = (
        select(CourseModule.course_id, Module)
        .join(Module, Module.id == CourseModule.module_id)
        .where(
            CourseModule.workspace_id == workspace_id,
            CourseModule.course_id.in_(course_ids),
            Module.kind.in_(SCORED),
        )
        .order_by(CourseModule.course_id, CourseModule.place)
    )
    for course_id, module in await db.execute(statement):
        found[course_id].append(module)
    return found


async def cells(
    db: AsyncSession, *, workspace_id: int, whose: Collection[Whose]
) -> Mapping[Whose, Mapping[int, Cell]]:
    """What each of these people handed in, by module, in one statement."""
    found: dict[Whose, dict[int, Cell]] = {each: {} for each in whose}
    told = {
        "workspace_id": workspace_id,
        "courses": [course_id for course_id, _ in whose],
        "members": [member_id for _, member_id in whose],
    }
    for row in await db.execute(CELLS, told):
        cell = Cell(row.handed_in, row.waiting, row.latest, row.best)
        found[row.course_id, row.member_id][row.module_id] = cell
    return found


def percent_of(submission: Submission) -> Decimal | None:
    """The share of the points that was reached, with two decimals."""
    if submission.score is None or not submission.max_score:
        return None
    return round(100 * submission.score / submission.max_score, 2)
