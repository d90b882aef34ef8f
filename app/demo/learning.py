"""How the demo company learns: content is published, people are in groups, answer quizzes, get
certificates, and come to live sessions; all of it done by those who may.

It ends with something to do for everybody: an answer to grade, people overdue, a live session with
a waitlist.
"""

import datetime as dt
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from app.demo import company, lessons
from app.demo.company import DOMAIN
from app.demo.teaching import Taught
from models.catalog import RetakePolicy
from models.certificates import Certificate
from operations.certificates import templates
from operations.content import drafts, publishing
from operations.content.given import Said
from operations.content.questions import QuestionKind, QuizContent
from operations.learning import (
    course_settings,
    due_dates,
    enrolments,
    facilitators,
    groups,
    quizzes,
    submissions,
    taking,
)
from operations.live_sessions import attendance, registering, roster, scheduling
from operations.live_sessions.attendance import Attendance, Mark

DAY: Final = dt.timedelta(days=1)
SELLING, PROTECTING, EVACUATING = "Selling in Sweden", "Data Protection", "Fire Safety"

LEA: Final = f"lea.learner@{DOMAIN}"
INGRID: Final = f"ingrid.instructor@{DOMAIN}"
FRIDA: Final = f"frida.fire@{DOMAIN}"
CORA: Final = f"cora.coordinator@{DOMAIN}"
ROLF: Final = f"rolf.roster@{DOMAIN}"

PROTECTED: Final = 30
"""How many people take “Data Protection”."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the parts of the story share: who acts, on what, and the moment of the demo's start."""

    db: AsyncSession
    system: Caller
    ids: Mapping[str, int]
    taught: Taught
    at: dt.datetime

    def as_(self, user_name: str) -> Caller:
        """Somebody, acting."""
        return Caller(
            self.system.workspace_id, user_name, Origin.CLI, member_id=self.ids[user_name]
        )

    def course(self, title: str) -> int:
        return self.taught.courses[title]

    def module(self, title: str) -> int:
        return self.taught.modules[title]


async def learn(story: Story) -> str:
    """Everything that has happened in courses until today; the code of the first certificate."""
    await _publish(story)
    await _sell(story)
    await _protect(story)
    await _evacuate(story)
    codes = await story.db.scalars(select(Certificate.code).order_by(Certificate.id).limit(1))
    return codes.one()


async def _publish(story: Story) -> None:
    for title, written in lessons.CONTENT.items():
        module_id, at = story.module(title), story.at - 450 * DAY
        await drafts.edit(
            story.db, by=story.system, module_id=module_id, version=0, written=written, at=at
        )
        await publishing.publish(
            story.db,
            by=story.system,
            module_id=module_id,
            note="First edition",
            version=None,
            at=at,
        )


async def _sell(story: Story) -> None:
    """A course with a group of its own maker, an answer that waits for a grade, and a live session
    that is full."""
    course_id, db, at = story.course(SELLING), story.db, story.at
    await course_settings.edit(
        db,
        by=story.system,
        course_id=course_id,
        changes={
            "due_at": _evening(at + 30 * DAY),
            "retake_policy": RetakePolicy.LIMITED,
            "retake_limit": 2,
        },
        at=at,
    )
    autumn = await groups.create(
        db,
        by=story.as_(ROLF),
        course_id=course_id,
        name="Autumn",
        due_at=_evening(at + 14 * DAY),
        at=at,
    )
    crowd = _people(story, "Support", 6)
    await enrolments.assign(
        db,
        by=story.as_(ROLF),
        course_id=course_id,
        member_ids=[story.ids[each] for each in crowd],
        group_id=autumn.id,
        at=at - 20 * DAY,
    )
    await facilitators.enroll(
        db, by=story.system, group_id=autumn.id, member_ids=[story.ids[INGRID]], at=at
    )
    for learner in (LEA, *crowd[:2]):
        await _read(story, learner, SELLING, "Opening Lines", at - 6 * DAY)
    await _answer(story, LEA, SELLING, "Objections", [True, True, True], at - 5 * DAY)
    await _meet(story, SELLING, by=INGRID, crowd=(*crowd, LEA))


async def _protect(story: Story) -> None:
    """A course many have taken: some passed and have a certificate, some failed, some are late."""
    course_id, db, at = story.course(PROTECTING), story.db, story.at
    await course_settings.edit(
        db,
        by=story.system,
        course_id=course_id,
        changes={
            "due_at": _evening(at - 2 * DAY),
            "retake_policy": RetakePolicy.UNLIMITED,
            "certifies_completion": True,
            "certificate_days": 365,
            "allows_self_enrolment": True,
        },
        at=at - 50 * DAY,
    )
    await templates.edit(
        db,
        by=story.system,
        course_id=course_id,
        changes={"heading": "Data Protection at Northwind"},
    )
    everybody = _people(story, "Engineering", PROTECTED)
    await enrolments.assign(
        db,
        by=story.system,
        course_id=course_id,
        member_ids=[story.ids[each] for each in everybody],
        at=at - 40 * DAY,
    )
    dice = random.Random(20260302)  # noqa: S311 - a story, not a secret
    for learner in everybody:
        if dice.random() < 0.25:
            continue
        begun = at - dt.timedelta(days=dice.randrange(3, 30), minutes=dice.randrange(600))
        await _read(story, learner, PROTECTING, "What Personal Data Is", begun)
        if dice.random() < 0.85:
            knows = [dice.random() < chance for chance in (0.9, 0.6, 0.5, 0.7, 0.95)]
            handed_in = begun + dt.timedelta(minutes=dice.randrange(10, 90))
            await _answer(story, learner, PROTECTING, "Keeping Data", knows, handed_in)


async def _evacuate(story: Story) -> None:
    """A course Cora coordinates: a later date for some, work to grade, a drill that took place."""
    course_id, db, at = story.course(EVACUATING), story.db, story.at
    crowd = _people(story, "Finance", 8)
    cora = story.as_(CORA)
    await enrolments.assign(
        db,
        by=cora,
        course_id=course_id,
        member_ids=[story.ids[each] for each in crowd],
        at=at - 30 * DAY,
    )
    await due_dates.update(
        db,
        by=cora,
        course_id=course_id,
        member_ids=[story.ids[each] for each in crowd[:2]],
        due_at=_evening(at + 7 * DAY),
        reason="Was on leave.",
        at=at - DAY,
    )
    for learner in crowd[:3]:
        await _answer(story, learner, EVACUATING, "Evacuation", [True], at - 3 * DAY)
    await _met(story, crowd)


async def _meet(story: Story, course: str, *, by: str, crowd: Sequence[str]) -> None:
    """Four seats next week, and more people than that."""
    day = (story.at + 7 * DAY).date().isoformat()
    live_session = await scheduling.create(
        story.db,
        by=story.as_(by),
        course_id=story.course(course),
        said={
            "title": "Role play",
            "starts_at": dt.datetime.fromisoformat(f"{day}T14:00:00"),
            "ends_at": dt.datetime.fromisoformat(f"{day}T16:00:00"),
            "time_zone": company.TIME_ZONE,
            "place": "Room Mälaren",
            "capacity": 4,
        },
        staff_ids=[story.ids[by]],
        at=story.at - DAY,
    )
    for learner in crowd:
        await registering.register(
            story.db, by=story.as_(learner), live_session_id=live_session.id, at=story.at - DAY
        )


async def _met(story: Story, crowd: Sequence[str]) -> None:
    """A drill last week, with who came and who did not."""
    begun = (story.at - 7 * DAY).replace(hour=9, minute=0, second=0, microsecond=0)
    live_session = await scheduling.create(
        story.db,
        by=story.as_(FRIDA),
        course_id=story.course(EVACUATING),
        said={
            "title": "Drill",
            "starts_at": begun,
            "ends_at": begun + dt.timedelta(hours=1),
            "time_zone": company.TIME_ZONE,
            "place": "Courtyard",
        },
        staff_ids=[story.ids[FRIDA]],
        at=story.at,
    )
    people = [story.ids[each] for each in crowd[:5]]
    cora = story.as_(CORA)
    await roster.place(
        story.db, by=cora, live_session_id=live_session.id, member_ids=people, at=story.at
    )
    states = (Attendance.ATTENDED,) * 3 + (Attendance.PARTIAL, Attendance.NO_SHOW)
    await attendance.mark(
        story.db,
        by=cora,
        live_session_id=live_session.id,
        marks=[Mark(id, state) for id, state in zip(people, states, strict=True)],
        at=story.at,
    )


async def _read(story: Story, who: str, course: str, lesson: str, at: dt.datetime) -> None:
    by, course_id, module_id = story.as_(who), story.course(course), story.module(lesson)
    await taking.open_module(story.db, by=by, course_id=course_id, module_id=module_id, at=at)
    await taking.complete_lesson(
        story.db,
        by=by,
        course_id=course_id,
        module_id=module_id,
        at=at + dt.timedelta(minutes=9),
    )


async def _answer(  # noqa: PLR0917
    story: Story, who: str, course: str, module: str, knows: Sequence[bool], at: dt.datetime
) -> None:
    """Take a quiz or an assignment, each question as well as it is known."""
    by = story.as_(who)
    begun = await quizzes.start(
        story.db,
        by=by,
        course_id=story.course(course),
        module_id=story.module(module),
        at=at,
    )
    work = await submissions.read(story.db, begun)
    said = list(_said(work.content, knows))
    later = at + dt.timedelta(minutes=5)
    await quizzes.save(story.db, by=by, submission_id=begun.id, answers=said, at=later)
    await quizzes.submit(story.db, by=by, submission_id=begun.id, at=later)


def _said(content: object, knows: Sequence[bool]) -> Iterator[Said]:
    if not isinstance(content, QuizContent):
        yield Said(0, text="A bicycle stood in the corridor. It took two minutes and ten seconds.")
        return
    for question, is_known in zip(content.questions, knows, strict=True):
        match question.kind:
            case QuestionKind.SINGLE_CHOICE | QuestionKind.MULTIPLE_CHOICE:
                right = sorted(question.key.ids)  # type: ignore[union-attr]
                wrong = [each.id for each in question.choices if each.id not in right]
                yield Said(question.id, choice_ids=right if is_known else wrong[:1])
            case QuestionKind.TRUE_FALSE:
                yield Said(question.id, is_true=is_known)
            case QuestionKind.NUMBER:
                yield Said(question.id, number="72" if is_known else "24")
            case QuestionKind.SHORT_TEXT:
                yield Said(question.id, text="The privacy team" if is_known else "My neighbor")
            case QuestionKind.ESSAY:
                yield Said(question.id, text="“Not now.” I would ask when, and write it down.")


def _evening(at: dt.datetime) -> dt.datetime:
    """The end of a working day."""
    return at.replace(hour=17, minute=0, second=0, microsecond=0)


def _people(story: Story, department: str, count: int) -> list[str]:
    """The first people of a department who play no part of their own."""
    parts = {name for _, name in company.SHOWN} | {each.user_name for each in company.cast()}
    found = [
        each.user_name
        for each in company.everybody()
        if each.department == department and each.user_name not in parts
    ]
    return found[:count]
