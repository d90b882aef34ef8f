"""Taking quizzes and assignments: starting a submission, saving answers, handing them in (H2).

Only one's own, while the attempt is open and the course ACTIVE. What can be marked without a
person is marked when it is handed in, in the same transaction.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.grading import Answer, Submission, SubmissionState
from models.journal import cause_of, record
from models.progress import Attempt, AttemptModule, ModuleState, Progress
from operations.content import given
from operations.content.given import Said, questions_of
from operations.content.marking import mark
from operations.content.problems import Problem, ProblemKind, located
from operations.content.questions import AssignmentContent, Content, number_printed
from operations.learning import attempts, submissions
from operations.learning.submissions import Work
from operations.refusals import Code, Refused, not_found

SAVE: Final = text("""
INSERT INTO answer (submission_id, question_id, workspace_id, given, answered_at)
SELECT :id, said.question, :workspace_id, coalesce(said.given, 'null'), :at
  FROM jsonb_to_recordset(CAST(:answers AS jsonb)) AS said (question integer, given jsonb)
    ON CONFLICT (submission_id, question_id) DO UPDATE
       SET given = excluded.given, answered_at = excluded.answered_at
     WHERE answer.given <> excluded.given
RETURNING question_id
""")

MARK: Final = text("""
WITH marked AS (
INSERT INTO answer
       (submission_id, question_id, workspace_id, given, answered_at, points, is_correct)
SELECT :id, mark.question, :workspace_id, 'null', :at, mark.points, mark.correct
  FROM jsonb_to_recordset(CAST(:marks AS jsonb))
       AS mark (question integer, points numeric, correct boolean)
    ON CONFLICT (submission_id, question_id) DO UPDATE
       SET points = excluded.points, is_correct = excluded.is_correct
RETURNING question_id, points
)
INSERT INTO grade (workspace_id, submission_id, question_id, points, graded_at, cause)
SELECT :workspace_id, :id, question_id, points, :at, :cause
  FROM marked WHERE points IS NOT NULL ORDER BY question_id
""")


NOTHING: Final = Problem(
    ProblemKind.EMPTY, ("answers",), "Nothing was written yet, so there is nothing to hand in."
)


async def start(
    db: AsyncSession, *, by: Caller, course_id: int, module_id: int, at: dt.datetime
) -> Submission:
    """A new submission for a module of the caller's open attempt; the one that is open, where
    there is one.

    None is started while one waits to be graded or after one was passed (SUBMISSION_CLOSED), nor
    beyond the quiz's cap (SUBMISSION_CAP_REACHED).
    """
    attempt, module = await attempts.for_taking(
        db, by=by, course_id=course_id, module_id=module_id, at=at
    )
    content = await submissions.content_of(db, module)
    questions = questions_of(content)
    if not questions:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"There is nothing to hand in for a {content.kind}.",
            {"argument": "moduleId", "kind": content.kind},
        )
    if module.state is not ModuleState.IN_PROGRESS:
        raise _done_with(module, content)
    present = await _open_one(db, module)
    if present is not None:
        return present
    submission = Submission(
        workspace_id=by.workspace_id,
        course_id=course_id,
        member_id=attempt.member_id,
        attempt_id=attempt.id,
        module_id=module_id,
        number=module.submissions + 1,
        state=SubmissionState.IN_PROGRESS,
        started_at=at,
        max_score=sum(each.points for each in questions),
    )
    db.add(submission)
    module.submissions += 1
    await db.flush()
    _record(db, by, "submission.started", submission)
    return submission


async def save(
    db: AsyncSession, *, by: Caller, submission_id: int, answers: Sequence[Said], at: dt.datetime
) -> Submission:
    """Keep answers of an open submission; questions not named stay as they are, one named with
    nothing is unanswered again. All are kept, or, with INVALID_ANSWERS and every problem, none."""
    taking = await _own(db, by, submission_id)
    _refuse_closed(taking)
    work = taking.work
    understood, problems = given.understood(answers, work.questions)
    if problems:
        raise invalid(problems)
    said = [{"question": id, "given": given.printed(it)} for id, it in understood.items()]
    changed = await db.scalars(SAVE, _told(work, at) | {"answers": orjson.dumps(said).decode()})
    if questions := sorted(changed):
        taking.progress.last_activity_at = at
        _record(db, by, "answers.saved", work.submission, questions=questions)
    return work.submission


async def submit(
    db: AsyncSession, *, by: Caller, submission_id: int, at: dt.datetime
) -> Submission:
    """Hand in what was saved. Questions without an answer get no points; said twice, it changes
    nothing."""
    taking = await _own(db, by, submission_id)
    work = taking.work
    if work.submission.state is not SubmissionState.IN_PROGRESS:
        return work.submission
    _refuse_closed(taking)
    taking.progress.last_activity_at = at
    await hand_in(db, by=by, work=work, at=at)
    await submissions.settle(db, by=by, work=work, at=at)
    return work.submission


async def hand_in_open(db: AsyncSession, *, by: Caller, attempt: Attempt, at: dt.datetime) -> None:
    """Hand in what is open and not empty, because the whole attempt is handed in; its progress is
    locked."""
    is_given = func.jsonb_typeof(Answer.given) != "null"
    open_ones = await db.scalars(
        select(Submission)
        .where(
            Submission.attempt_id == attempt.id,
            Submission.state == SubmissionState.IN_PROGRESS,
            exists().where(Answer.submission_id == Submission.id, is_given),
        )
        .order_by(Submission.id)
    )
    for each in open_ones.all():
        work = await submissions.read(db, each)
        if work.module.state is ModuleState.IN_PROGRESS:
            await hand_in(db, by=by, work=work, at=at)
            await submissions.settle(db, by=by, work=work, at=at)


async def hand_in(db: AsyncSession, *, by: Caller, work: Work, at: dt.datetime) -> None:
    """Mark what can be marked without a person; the rest waits for one. The module does not
    follow yet."""
    answers = await submissions.answers_of(db, work.submission.id)
    found = {id: given.parsed(row.given) for id, row in answers.items()}
    if isinstance(work.content, AssignmentContent) and not any(found.values()):
        raise invalid([NOTHING])
    marks = {each.id: mark(each, found.get(each.id)) for each in work.questions}
    said = [
        {
            "question": id,
            "points": it and number_printed(it.points),
            "correct": it and it.is_correct,
        }
        for id, it in marks.items()
    ]
    told = _told(work, at) | {"marks": orjson.dumps(said).decode(), "cause": cause_of(db)}
    await db.execute(MARK, told)
    work.submission.submitted_at = at
    submissions.conclude(work, [None if it is None else it.points for it in marks.values()], at)
    _record(db, by, "submission.submitted", work.submission)


def invalid(problems: Collection[Problem]) -> Refused:
    """The refusal of answers, or of grades, with every problem."""
    return Refused(
        Code.INVALID_ANSWERS,
        f"Nothing was kept. {located(problems)}",
        {"problems": [each.as_json() for each in problems]},
    )


async def _open_one(db: AsyncSession, module: AttemptModule) -> Submission | None:
    found: Submission | None = await db.scalar(
        select(Submission).where(
            Submission.attempt_id == module.attempt_id,
            Submission.module_id == module.module_id,
            Submission.state == SubmissionState.IN_PROGRESS,
        )
    )
    return found


@dataclass(frozen=True, slots=True)
class _Taking:
    """Somebody's own submission, and whether its attempt goes on."""

    work: Work
    progress: Progress
    goes_on: bool


async def _own(db: AsyncSession, by: Caller, submission_id: int) -> _Taking:
    """A submission of the caller's on a course they may take now, their progress locked."""
    found: Submission | None = await db.scalar(
        select(Submission).where(
            Submission.workspace_id == by.workspace_id,
            Submission.member_id == by.member_id,
            Submission.id == submission_id,
        )
    )
    if found is None:
        raise not_found("submission")
    taker = await attempts.taking(db, by=by, course_id=found.course_id)
    work = await submissions.read(db, found)
    is_open = work.attempt.state in attempts.OPEN
    held = taker.rights.held(Scope.COURSE, found.course_id)
    return _Taking(work, taker.progress, is_open and attempts.may_continue(work.attempt.role, held))


def _refuse_closed(taking: _Taking) -> None:
    """Raises SUBMISSION_CLOSED where nothing can be answered any longer."""
    submission, module = taking.work.submission, taking.work.module
    if submission.state is not SubmissionState.IN_PROGRESS:
        raise _closed("It was handed in, and stays as it is.", submission.state)
    if not taking.goes_on:
        raise _closed(
            "The attempt it belongs to is over; what was saved stays, and is not handed in.",
            taking.work.attempt.state,
        )
    if module.state is not ModuleState.IN_PROGRESS:
        raise _closed("This part of the attempt is over.", module.state)


def _done_with(module: AttemptModule, content: Content) -> Refused:
    """Why no further submission of this module is started."""
    cap = submissions.cap_of(content)
    match module.state:
        case ModuleState.COMPLETED:
            return _closed("This was passed; there is nothing left to hand in.", module.state)
        case ModuleState.SUBMITTED:
            said = "What was handed in waits to be graded; another try may follow that."
            return _closed(said, module.state)
        case _ if cap is not None and module.submissions >= cap:
            return Refused(
                Code.SUBMISSION_CAP_REACHED,
                f"This can be handed in {cap} times in one attempt, and was; a further attempt,"
                " or a reset of the progress, gives new ones.",
                {"limit": cap, "count": module.submissions},
            )
        case _:
            said = "The attempt was handed in without this; a further attempt can have it."
            return _closed(said, module.state)


def _closed(message: str, state: str) -> Refused:
    return Refused(Code.SUBMISSION_CLOSED, message, {"state": state})


def _told(work: Work, at: dt.datetime) -> dict[str, Any]:
    submission = work.submission
    return {"id": submission.id, "workspace_id": submission.workspace_id, "at": at}


def _record(
    db: AsyncSession, by: Caller, verb: str, submission: Submission, **more: object
) -> None:
    record(
        db,
        by=by,
        verb=verb,
        course_id=submission.course_id,
        member_id=submission.member_id,
        after={**submissions.record_of(submission), **more},
    )
