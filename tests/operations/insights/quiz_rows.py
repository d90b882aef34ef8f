"""A quiz with many takers, written as rows: revisions that differ, tries that wait, staff, tries
that were put aside, answers left out, and texts of every kind, drawn at random."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final

from sqlalchemy import insert, select

from models.enrolments import Enrolment, EnrolmentSource
from models.grading import Answer, Submission, SubmissionState
from models.people import Member, MemberState
from models.progress import (
    Attempt,
    AttemptModule,
    AttemptOrigin,
    AttemptState,
    ModuleState,
    Progress,
    ProgressState,
    RoleAtStart,
)
from operations.content.given import Chosen, Counted, Given, Judged, Written, printed
from operations.content.marking import mark
from operations.content.questions import Choice, CorrectChoices, Question, QuestionKind, QuizContent
from tests.content import EVERY_KIND, GRADED_BY_ITSELF
from tests.world import MONDAY, World

Rows = list[dict[str, Any]]

DEPARTMENTS: Final = (None, "Sales", "Support")
FIRST: Final = EVERY_KIND
SECOND: Final = GRADED_BY_ITSELF
THIRD: Final = replace(
    GRADED_BY_ITSELF,
    questions=(
        replace(SECOND.questions[0], text="Which one can be eaten?"),
        *SECOND.questions[1:],
    ),
)
"""The same test as the second: only the words differ."""
FOURTH: Final = replace(
    THIRD,
    questions=(
        Question(
            7,
            QuestionKind.SINGLE_CHOICE,
            "New?",
            Decimal(3),
            (Choice(71, "Yes"), Choice(72, "No")),
            CorrectChoices(frozenset({71})),
        ),
        replace(THIRD.questions[0], choices=THIRD.questions[0].choices[:2]),
        *THIRD.questions[2:4],
        replace(THIRD.questions[4], points=Decimal("0.5")),
    ),
    pass_percent=80,
)
"""Another test: a question and a choice are new, others are gone, one is worth less."""
REVISIONS: Final = (FIRST, SECOND, THIRD, FOURTH)
TEXTS: Final = ("Stockholm", "  sthlm ", "STOCKHOLM", "Oslo", "ÅRHUS", "Århus", "ﬁnland", "a  b")


def _given(random: Random, question: Question, skill: float) -> Given | None:
    """Right more often, the better somebody is."""
    chance = random.random()
    if chance < 0.08:
        return None
    is_right = chance < 0.1 + 0.8 * skill
    match question.kind:
        case QuestionKind.SINGLE_CHOICE:
            right = question.key.ids if isinstance(question.key, CorrectChoices) else frozenset()
            others = frozenset([random.choice(question.choices).id])
            return Chosen(right if is_right else others)
        case QuestionKind.MULTIPLE_CHOICE:
            ids = [each.id for each in question.choices]
            size = random.randint(1, len(ids))
            return Chosen(frozenset([ids[0], ids[2]] if is_right else random.sample(ids, size)))
        case QuestionKind.TRUE_FALSE:
            return Judged(is_right)
        case QuestionKind.NUMBER:
            return Counted(Decimal("3.14") if is_right else Decimal(random.randrange(300)) / 10)
        case QuestionKind.SHORT_TEXT:
            return Written("Stockholm" if is_right else random.choice(TEXTS))
        case QuestionKind.ESSAY:
            return Written("At length.")


def _answers(random: Random, quiz: QuizContent, skill: float, at: dt.datetime) -> Iterator[Any]:
    """In an order of their own; an essay waits for its points, or has some."""
    waits = random.random() < 0.3
    for question in random.sample(quiz.questions, len(quiz.questions)):
        pause = random.choice([None, 0, 5, 11, 11, 40, 90, 5000])
        if pause is not None:
            at += dt.timedelta(seconds=pause + random.random())
        given = _given(random, question, skill)
        found = mark(question, given)
        points = None if found is None else found.points
        if points is None and not waits:
            points = Decimal(random.randrange(0, 8)) / 2
        yield {
            "question_id": question.id,
            "given": printed(given),
            "answered_at": at,
            "is_correct": found and found.is_correct,
            "points": points,
        }


def _submission(random: Random, quiz: QuizContent, skill: float) -> tuple[dict[str, Any], Rows]:
    started = MONDAY + dt.timedelta(seconds=random.randrange(40 * 24 * 3600))
    answers = list(_answers(random, quiz, skill, started))
    known = [each["points"] for each in answers if each["points"] is not None]
    is_graded = len(known) == len(answers)
    score = sum(known, Decimal(0))
    last = max(each["answered_at"] for each in answers)
    return {
        "state": SubmissionState.GRADED if is_graded else SubmissionState.SUBMITTED,
        "started_at": started,
        "submitted_at": last + dt.timedelta(seconds=random.randrange(600)),
        "score": score if is_graded else None,
        "max_score": quiz.points,
        "is_passed": 100 * score >= quiz.pass_percent * quiz.points if is_graded else None,
    }, answers


async def fill(
    world: World, course: str, module: str, *, seed: int, count: int, first: int = 1
) -> None:
    """So many people who took the quiz, which was published as `REVISIONS` say, from revision
    `first` on; half of them in a group."""
    random = Random(seed)
    told = {"workspace_id": world.workspace_id, "course_id": world.courses[course]}
    people = [
        {
            "workspace_id": world.workspace_id,
            "user_name": f"taker{seed}-{number}@acme.example",
            "display_name": f"Taker {number}",
            "state": MemberState.ACTIVE,
            "attributes": {} if of is None else {"department": of},
        }
        for number in range(count)
        for of in [random.choice(DEPARTMENTS)]
    ]
    async with world.edge.transaction() as db:
        ids = list(await db.scalars(insert(Member).returning(Member.id), people))
        whose = [told | {"member_id": id, "state": ProgressState.IN_PROGRESS} for id in ids]
        resets = [{"attempts": 3, "attempts_before": random.choice((0,) * 5 + (1,))} for _ in ids]
        await db.execute(
            insert(Progress), [each | reset for each, reset in zip(whose, resets, strict=True)]
        )
        in_group = [
            told
            | {"member_id": id, "source": EnrolmentSource.GROUP, "group_id": world.groups["Half"]}
            for id in ids[::2]
        ]
        await db.execute(insert(Enrolment), in_group)
        attempts = [each for id in ids for each in _attempts(random, told | {"member_id": id})]
        made = (
            await db.execute(insert(Attempt).returning(Attempt.id, Attempt.member_id), attempts)
        ).all()
        await _take(db, random, told | {"module_id": world.modules[module]}, made, first)


def _attempts(random: Random, whose: dict[str, Any]) -> Iterator[dict[str, Any]]:
    is_staff = random.random() < 0.1
    for number in range(1, random.choice((1, 1, 1, 2, 3)) + 1):
        states = [AttemptState.COMPLETED, AttemptState.FAILED]
        aside = [AttemptState.RESET, AttemptState.ABANDONED]
        yield whose | {
            "number": number,
            "state": random.choice(aside if random.random() < 0.1 else states),
            "origin": AttemptOrigin.SELF,
            "role": RoleAtStart.COORDINATOR if is_staff else RoleAtStart.LEARNER,
            "started_at": MONDAY,
            "ended_at": MONDAY,
        }
        is_staff = is_staff and random.random() < 0.7


async def _take(db: Any, random: Random, told: dict[str, Any], attempts: Any, first: int) -> None:
    skills: dict[int, float] = {}
    modules: Rows = []
    submissions: Rows = []
    answers: list[Rows] = []
    for attempt in attempts:
        skill = skills.setdefault(attempt.member_id, random.random())
        revision = random.choices(range(1, len(REVISIONS) + 1), (3, 2, 2, 3))[0]
        tries = random.choice((1, 1, 2, 3))
        modules.append(
            {
                "workspace_id": told["workspace_id"],
                "attempt_id": attempt.id,
                "module_id": told["module_id"],
                "revision": revision + first - 1,
                "place": 1,
                "state": ModuleState.COMPLETED,
                "submissions": tries,
            }
        )
        for number in range(1, tries + 1):
            row, given = _submission(random, REVISIONS[revision - 1], skill)
            whose = {"attempt_id": attempt.id, "member_id": attempt.member_id, "number": number}
            submissions.append(told | whose | row)
            answers.append(given)
    await db.execute(insert(AttemptModule), modules)
    await db.execute(insert(Submission), submissions)
    of = {
        (row.attempt_id, row.number): row.id
        for row in await db.execute(
            select(Submission.id, Submission.attempt_id, Submission.number).where(
                Submission.module_id == told["module_id"]
            )
        )
    }
    rows = [
        {"submission_id": of[one["attempt_id"], one["number"]]}
        | {"workspace_id": told["workspace_id"]}
        | each
        for one, given in zip(submissions, answers, strict=True)
        for each in given
    ]
    await db.execute(insert(Answer), rows)
