"""What was handed in in a town: the learner's own for `Once`, which is graded; of Selling and Law
one for each of those who grade, which waits."""

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from models.catalog import ModuleKind
from models.grading import Answer, Submission, SubmissionState
from models.progress import Attempt
from operations.content import given
from operations.learning import quizzes, submissions
from tests.content import EVERY_KIND, publish
from tests.proof.town_attempts import ONCE, student_of
from tests.taking import said
from tests.world import MONDAY

if TYPE_CHECKING:
    from tests.proof.town import City

QUIZZES: Final = {"Selling": "Sales Quiz", ONCE: "Sales Quiz", "Law": "Legal Quiz"}
GRADING: Final = (
    "workspace_manager",
    "department_manager",
    "dept_teach",
    "course_teach",
    "instructor",
)
OF_LEARNER: Final = f"{ONCE} of learner"
ANSWERED: Final = {1: 11, 2: {21}, 6: "At length."}


def submission_for(principal: str, course: str) -> str:
    """What nobody but this principal grades."""
    return f"{course} for {principal if principal in GRADING else GRADING[0]}"


async def build(city: "City") -> None:
    """The quizzes, before anybody begins an attempt."""
    world = city.world
    await world.module(
        "Sales Quiz", department="Sales", courses=["Selling", ONCE], kind=ModuleKind.QUIZ
    )
    await world.module("Legal Quiz", department="Legal", courses=["Law"], kind=ModuleKind.QUIZ)
    for title in ("Sales Quiz", "Legal Quiz"):
        await publish(world, title, EVERY_KIND)


async def furnish(city: "City") -> None:
    city.submissions[OF_LEARNER] = await _hand_in(city, ONCE, "learner")
    for course in ("Selling", "Law"):
        for principal in GRADING:
            name = submission_for(principal, course)
            city.submissions[name] = await _hand_in(city, course, student_of(principal))


async def _hand_in(city: "City", course: str, name: str) -> int:
    world = city.world
    async with world.edge.transaction() as db:
        attempt = await db.scalar(
            select(Attempt).where(
                Attempt.course_id == world.courses[course],
                Attempt.member_id == world.members[name],
            )
        )
        assert attempt is not None
        row = Submission(
            workspace_id=world.workspace_id,
            course_id=attempt.course_id,
            member_id=attempt.member_id,
            attempt_id=attempt.id,
            module_id=world.modules[QUIZZES[course]],
            number=1,
            state=SubmissionState.IN_PROGRESS,
            max_score=EVERY_KIND.points,
        )
        db.add(row)
        await db.flush()
        understood, _ = given.understood(said(ANSWERED), EVERY_KIND.questions)
        db.add_all(
            Answer(
                submission_id=row.id,
                question_id=id,
                workspace_id=world.workspace_id,
                given=given.printed(each),
            )
            for id, each in understood.items()
        )
        await db.flush()
        work = await submissions.read(db, row)
        await quizzes.hand_in(db, by=world.system, work=work, at=MONDAY)
        return row.id
