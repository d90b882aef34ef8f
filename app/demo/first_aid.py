"""First Aid: a course that half of the company has taken, over more than a year. It is there to be
looked at: how it is doing, how its quiz is, and each of the questions.

Everybody draws from dice of their own, so that it comes out the same in whatever order, and by
however many at once, it is played.
"""

import datetime as dt
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Final

from sqlalchemy import select

from app.demo import company
from app.demo.company import DOMAIN, Person
from app.demo.learning import CORA, DAY, FRIDA, Story
from models.catalog import RetakePolicy
from models.certificates import Certificate
from models.coordinators import CourseRoleKind
from models.grading import Submission
from operations import coordinators
from operations.certificates import templates
from operations.content import given, revisions
from operations.content.given import Said
from operations.content.questions import Question, QuestionKind
from operations.learning import (
    course_settings,
    due_dates,
    enrolments,
    facilitators,
    grading,
    groups,
    quizzes,
    resetting,
)
from operations.learning.grading import Given
from operations.live_sessions import attendance, roster, scheduling
from operations.live_sessions.attendance import Attendance, Mark

COURSE, QUIZ = "First Aid", "When It Counts"
TESS: Final = f"tess.teach@{DOMAIN}"

LEARNERS: Final = 160
CALLED: Final = (430, 350, 270, 190, 110, 24)
"""So many days ago people were called to take the course; each time they had `GRACE` days."""
GRACE: Final = 60

GROUPS: Final = {
    "Offices": ("Sales", "Finance", "Marketing", "People"),
    "Workshops": ("Operations", "Engineering", "Support"),
}
KNOW_MORE: Final = {"Operations": 0.6, "Engineering": 0.2, "Sales": -0.4}
"""By department: how much more people know than others do."""

UNGRADED: Final = 3 * DAY
"""What was handed in this long ago at most waits for Tess."""

Questions = Sequence[Question]

Told = str | bool | tuple[int, ...] | None
"""An answer: a number, a text, whether it is true, the places of choices; or nothing."""


@dataclass(frozen=True, slots=True)
class Item:
    """How hard a question is, how well it tells who knows the subject from who does not, what the
    right answer is, and what is said by those who do not know."""

    hardness: float
    sharpness: float
    right: Told
    slips: tuple[Told, ...]


ITEMS: Final = (
    Item(-4.5, 1.0, (0,), ((1,), (2,))),
    Item(-1.3, 1.2, "112", ("110", "911", "911", "999")),
    Item(-0.6, 1.0, True, (False,)),
    Item(-0.3, 1.9, (1,), ((0,), (2,), (2,), (3,))),
    Item(0.2, 1.7, "30", ("15", "15", "10", "5", "20", None)),
    Item(0.3, 1.5, (0, 1, 2), ((0, 1), (0, 1), (0, 2), (0, 1, 2, 3), (1, 3))),
    Item(0.1, -1.1, (0,), ((1,), (1,), (1,), (2,))),
    Item(0.0, 1.3, "Defibrillator", ("fire extinguisher", "fire extinguisher", "poster", None)),
    Item(3.2, 1.0, "10", ("5", "5", "20", "2", "15", "3", None)),
)
"""Of all questions but the last, which is an essay."""

ESSAYS: Final = (
    "I would fetch some water.",
    "Hit the back, and call somebody.",
    "Ask “Are you choking?”, bend them forward, up to five blows between the shoulder blades.",
    "Ask, bend forward, five blows, then five thrusts to the belly, in turns. Somebody calls 112.",
)
FEEDBACK: Final = ("Read page 4 again, please.", "And then?", "Nearly: what if it stays?", None)


@dataclass(frozen=True, slots=True)
class Learner:
    """Somebody who was called to take the course, so many days ago."""

    person: Person
    group: str
    called: int

    @property
    def user_name(self) -> str:
        return self.person.user_name

    def dice(self) -> random.Random:
        return random.Random(f"20260302 {self.user_name}")  # noqa: S311 - a story, not a secret


@cache
def learners() -> tuple[Learner, ...]:
    """Who takes the course, of all departments; nobody the guide speaks of."""
    cast = {each.user_name for each in company.cast()}
    dice = random.Random(20260302)  # noqa: S311 - a story, not a secret
    others = [each for each in company.everybody() if each.user_name not in cast]
    group_of = {department: name for name, them in GROUPS.items() for department in them}
    return tuple(
        Learner(
            each, group_of[each.department], dice.choices(CALLED, weights=(4, 3, 4, 4, 4, 5))[0]
        )
        for each in dice.sample(others, LEARNERS)
    )


async def call(story: Story) -> None:
    """The course as it is set up, its groups, who was called when and until when, and the practice
    of each time with who came."""
    db, course_id = story.db, story.course(COURSE)
    await course_settings.edit(
        db,
        by=story.system,
        course_id=course_id,
        changes={
            "retake_policy": RetakePolicy.LIMITED,
            "retake_limit": 2,
            "certifies_completion": True,
            "certificate_days": 365,
        },
        at=story.at - 450 * DAY,
    )
    await templates.edit(
        db, by=story.system, course_id=course_id, changes={"heading": "First Aid at Northwind"}
    )
    made = {}
    for name in GROUPS:
        group = await groups.create(
            db, by=story.as_(CORA), course_id=course_id, name=name, at=story.at - 450 * DAY
        )
        await facilitators.enroll(
            db, by=story.system, group_id=group.id, member_ids=[story.ids[TESS]], at=story.at
        )
        made[name] = group.id
    for (called, name), them in _by_call(learners()):
        at, member_ids = story.at - called * DAY, [story.ids[each.user_name] for each in them]
        await enrolments.assign(
            db,
            by=story.as_(CORA),
            course_id=course_id,
            member_ids=member_ids,
            group_id=made[name],
            at=at,
        )
        await due_dates.update(
            db,
            by=story.as_(CORA),
            course_id=course_id,
            member_ids=member_ids,
            due_at=(at + GRACE * DAY).replace(hour=17, minute=0, second=0, microsecond=0),
            at=at,
        )
    for called in CALLED[::2]:
        await _practice(story, [each for each in learners() if each.called == called][:16], called)


def _by_call(them: Sequence[Learner]) -> Iterator[tuple[tuple[int, str], list[Learner]]]:
    def said(each: Learner) -> tuple[int, str]:
        return -each.called, each.group

    for (called, group), some in groupby(sorted(them, key=said), said):
        yield (-called, group), list(some)


async def _practice(story: Story, them: Sequence[Learner], called: int) -> None:
    begun = (story.at - (called - 14) * DAY).replace(hour=9, minute=0, second=0, microsecond=0)
    ended = begun + dt.timedelta(hours=3)
    live_session = await scheduling.create(
        story.db,
        by=story.as_(FRIDA),
        course_id=story.course(COURSE),
        said={
            "title": "Practice",
            "starts_at": begun,
            "ends_at": ended,
            "time_zone": company.TIME_ZONE,
            "place": "Canteen",
        },
        staff_ids=[story.ids[FRIDA]],
        at=begun,
    )
    people = [story.ids[each.user_name] for each in them]
    await roster.place(
        story.db, by=story.as_(CORA), live_session_id=live_session.id, member_ids=people, at=ended
    )
    came = (Attendance.ATTENDED, Attendance.PARTIAL, Attendance.NO_SHOW)
    drawn = [each.dice().choices(came, weights=(12, 1, 3))[0] for each in them]
    await attendance.mark(
        story.db,
        by=story.as_(CORA),
        live_session_id=live_session.id,
        marks=[Mark(id, state) for id, state in zip(people, drawn, strict=True)],
        at=ended,
    )


async def questions_of(story: Story) -> Questions:
    """What the quiz asks."""
    published = await revisions.published(
        story.db,
        workspace_id=story.system.workspace_id,
        module_id=story.module(QUIZ),
        number=1,
    )
    return given.questions_of(revisions.content_of(published))


async def take(story: Story, questions: Questions, learner: Learner) -> None:
    """What became of somebody who was called: some never begin, some begin and leave it, some need
    a second try or a second attempt, and some give up."""
    dice = learner.dice()
    knows = dice.gauss(0.5 + KNOW_MORE.get(learner.person.department, 0.0), 1.1)
    fate = dice.random()
    at = story.at - learner.called * DAY
    at += dt.timedelta(days=min(dice.lognormvariate(2.8, 0.9), 150), hours=dice.randrange(8))
    if fate < 0.14 or at > story.at - DAY:
        return
    if fate < 0.3:
        await _start(story, learner.user_name, at)
        return
    for _ in range(5):
        submission = await _go(story, questions, learner.user_name, knows, dice, at)
        if submission.is_passed is not False or dice.random() < 0.3:
            return
        knows += 0.7
        at += dt.timedelta(days=dice.randrange(4, 25))
        if at > story.at - DAY:
            return


async def end(story: Story) -> None:
    """What somebody did about it: Cora takes the course herself, somebody who helped her has begun
    it and helps no longer, and some are to begin anew."""
    course_id, at = story.course(COURSE), story.at
    questions = await questions_of(story)
    await _go(story, questions, CORA, 1.2, learners()[0].dice(), at - 20 * DAY)
    known = {each.user_name for each in company.cast()} | {each.user_name for each in learners()}
    helper = next(e.user_name for e in company.everybody() if e.user_name not in known)
    await coordinators.assign(
        story.db, by=story.system, course_id=course_id, coordinators=[story.ids[helper]]
    )
    await _start(story, helper, at - 15 * DAY)
    await coordinators.remove(
        story.db,
        by=story.system,
        course_id=course_id,
        role=CourseRoleKind.COORDINATOR,
        member_ids=[story.ids[helper]],
    )
    certified = select(Certificate.member_id).where(Certificate.course_id == course_id)
    holders = set(await story.db.scalars(certified))
    early = [story.ids[each.user_name] for each in learners() if each.called > GRACE]
    cheats = [id for id in early if id in holders][:2]
    others = [id for id in early if id not in holders][:4]
    for member_ids, reason in ((cheats, "The answers were passed round."), (others, None)):
        await resetting.reset(
            story.db,
            by=story.as_(CORA),
            course_id=course_id,
            member_ids=member_ids,
            reason=reason,
            remove_certificate=reason is not None,
            at=at - 3 * DAY,
        )


async def _start(story: Story, who: str, at: dt.datetime) -> Submission:
    return await quizzes.start(
        story.db,
        by=story.as_(who),
        course_id=story.course(COURSE),
        module_id=story.module(QUIZ),
        at=at,
    )


async def _go(  # noqa: PLR0917
    story: Story,
    questions: Questions,
    who: str,
    knows: float,
    dice: random.Random,
    at: dt.datetime,
) -> Submission:
    """Answer all questions and hand in; Tess grades what has lain long enough."""
    begun = await _start(story, who, at)
    later = at + dt.timedelta(minutes=max(4, dice.gauss(19 - 3 * knows, 6)))
    essay = max(0.0, min(4.0, round(2 * (2.3 + 1.1 * knows + dice.gauss(0, 0.8))) / 2))
    said = [
        *(_said(*each, knows, dice) for each in zip(questions[:-1], ITEMS, strict=True)),
        Said(questions[-1].id, text=ESSAYS[min(int(essay), 3)]),
    ]
    by = story.as_(who)
    await quizzes.save(story.db, by=by, submission_id=begun.id, answers=said, at=later)
    handed_in = await quizzes.submit(story.db, by=by, submission_id=begun.id, at=later)
    if later > story.at - UNGRADED:
        return handed_in
    return await grading.grade(
        story.db,
        by=story.as_(TESS),
        submission_id=begun.id,
        at_version=handed_in.version,
        grades=[Given(questions[-1].id, Decimal(str(essay)), FEEDBACK[min(int(essay), 3)])],
        at=later + UNGRADED * dice.random(),
    )


def _said(question: Question, item: Item, knows: float, dice: random.Random) -> Said:
    slip = dice.choice(item.slips)
    is_known = dice.random() < 1 / (1 + math.exp(-item.sharpness * (knows - item.hardness)))
    told = item.right if is_known else slip
    if isinstance(told, tuple):
        return Said(question.id, choice_ids=[question.choices[place].id for place in told])
    if isinstance(told, bool):
        return Said(question.id, is_true=told)
    if question.kind is QuestionKind.NUMBER:
        return Said(question.id, number=told)
    return Said(question.id, text=told)
