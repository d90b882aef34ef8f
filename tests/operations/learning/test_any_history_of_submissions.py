"""Whatever is started, saved, handed in, graded, graded again and reset, in any order: everything
that was ever answered and graded is still there, and states and scores are what a model of a few
lines says (H2, H3)."""

import itertools
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.catalog import RetakePolicy
from models.grading import Answer, Submission
from models.progress import AttemptModule
from operations.content.given import parsed, understood
from operations.refusals import Code, Refused
from tests.content import EVERY_KIND
from tests.operations.learning import attempting
from tests.operations.learning.attempting import configure, states_of
from tests.sampling import examples
from tests.taking import RIGHT, WRONG, grade, grades_of, said, save, start, submit, teach
from tests.world import World

pytestmark = [pytest.mark.spec("H2", "H3"), pytest.mark.timeout(180)]

_numbers = itertools.count(1)

CAP: Final = 2
QUIZ: Final = replace(EVERY_KIND, submission_cap=CAP)
POINTS: Final = {each.id: each.points for each in QUIZ.questions}
TEXTS: Final[tuple[dict[int, Any], ...]] = (
    dict(RIGHT),
    dict(WRONG),
    {6: "At length."},
    {1: 11, 6: None},
    {2: {21, 23}, 4: None},
)
ENDED: Final = ("COMPLETED", "FAILED")

BACK: Final = st.sampled_from([0, 0, 0, 1, 1, 2])
"""Which sheet, counted from the last."""

GRADE: Final = st.tuples(
    st.just("grade"),
    BACK,
    st.sampled_from(sorted(POINTS)),
    st.sampled_from([0, 1]),
    st.sampled_from([False, False, True]),
)
STEPS: Final = st.one_of(
    st.just(("start",)),
    st.tuples(st.just("save"), BACK, st.sampled_from(TEXTS)),
    st.tuples(st.just("submit"), BACK),
    GRADE,
    GRADE,
    st.sampled_from([("start",), ("reset",)]),
)


@dataclass
class Sheet:
    """A submission, told without a database. Points by question; None waits."""

    id: int
    attempt: int
    state: str = "IN_PROGRESS"
    given: dict[int, Any] = field(default_factory=dict)
    points: dict[int, Decimal | None] = field(default_factory=dict)
    history: list[tuple[int, Decimal, bool]] = field(default_factory=list)

    @property
    def score(self) -> Decimal | None:
        return sum((it or Decimal(0) for it in self.points.values()), Decimal(0))

    def conclude(self) -> None:
        self.state = "SUBMITTED" if None in self.points.values() else "GRADED"

    @property
    def is_passed(self) -> bool:
        return self.state == "GRADED" and (self.score or 0) >= 6


@dataclass
class Story:
    """What should be so."""

    sheets: list[Sheet] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)

    def of(self, attempt: int) -> list[Sheet]:
        return [each for each in self.sheets if each.attempt == attempt]

    @property
    def is_open(self) -> bool:
        return bool(self.attempts) and self.attempts[-1] in ("IN_PROGRESS", "SUBMITTED")

    def follow(self, attempt: int) -> None:
        states = [each.state for each in self.of(attempt)]
        may_go_on = "IN_PROGRESS" in states or len(states) < CAP
        is_open = self.attempts[attempt] in ("IN_PROGRESS", "SUBMITTED")
        if any(each.is_passed for each in self.of(attempt)):
            module = "COMPLETED"
        elif "SUBMITTED" in states:
            module = "SUBMITTED"
        else:
            module = "IN_PROGRESS" if is_open and may_go_on else "FAILED"
        self.modules[attempt] = module
        if is_open or (self.attempts[attempt] in ENDED and module in ENDED):
            self.attempts[attempt] = module


async def code_of(doing: Any) -> Code | None:
    try:
        await doing
    except Refused as refused:
        return refused.code
    return None


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=8, max_size=18))
async def test_after_any_history_everything_is_there_and_adds_up(
    sessions: async_sessionmaker[AsyncSession], steps: list[tuple[Any, ...]]
) -> None:
    world = await World.new(sessions, f"w-{next(_numbers)}")
    for name in ("Lea", "Ines"):
        await world.member(name)
    await world.course("Work", instructors=["Ines"])
    await configure(world, "Work", retake_policy=RetakePolicy.UNLIMITED)
    await teach(world, "Work", Sums=QUIZ)
    await world.enrol("Work", "Lea")
    story = Story()

    for step in [("start",), *steps]:
        await _take(world, story, step)

    await _compare(world, story)


async def _take(world: World, story: Story, step: tuple[Any, ...]) -> None:
    match step:
        case ("start",):
            await _start(world, story)
        case ("reset",):
            await attempting.reset(world, "Ines", "Lea", course="Work")
            if story.is_open:
                story.attempts[-1] = "RESET"
        case (_, back, *_):
            await _act(world, story, story.sheets[-1 - back % len(story.sheets)], step)


async def _start(world: World, story: Story) -> None:
    if not story.is_open:
        story.attempts.append("IN_PROGRESS")
        story.modules.append("IN_PROGRESS")
    now = len(story.attempts) - 1
    if story.modules[now] != "IN_PROGRESS":
        assert await code_of(start(world, "Lea", "Work", "Sums")) is Code.SUBMISSION_CLOSED
        return
    begun = await start(world, "Lea", "Work", "Sums")
    if not any(each.id == begun.id for each in story.sheets):
        assert all(each.state != "IN_PROGRESS" for each in story.of(now))
        story.sheets.append(Sheet(begun.id, now))


async def _act(world: World, story: Story, sheet: Sheet, step: tuple[Any, ...]) -> None:
    is_open = (
        sheet.state == "IN_PROGRESS"
        and sheet.attempt == len(story.attempts) - 1
        and story.is_open
        and story.modules[sheet.attempt] == "IN_PROGRESS"
    )
    match step:
        case ("save", _, answers):
            refused = await code_of(save(world, "Lea", sheet.id, answers))
            assert refused is (None if is_open else Code.SUBMISSION_CLOSED)
            if is_open:
                sheet.given |= answers
        case ("submit", _):
            refused = await code_of(submit(world, "Lea", sheet.id))
            is_late = sheet.state == "IN_PROGRESS" and not is_open
            assert refused is (Code.SUBMISSION_CLOSED if is_late else None)
            if is_open:
                _mark(sheet)
                story.follow(sheet.attempt)
        case ("grade", _, question, share, is_stale):
            points = share * POINTS[question]
            await _grade(world, story, sheet, {question: points}, is_stale=is_stale)


def _mark(sheet: Sheet) -> None:
    for id in POINTS:
        answer = sheet.given.get(id)
        if answer is not None and id == 6:
            sheet.points[id] = None
            continue
        is_right = answer is not None and answer == RIGHT.get(id)
        sheet.points[id] = POINTS[id] if is_right else Decimal(0)
        sheet.history.append((id, sheet.points[id] or Decimal(0), False))
    sheet.conclude()


async def _grade(
    world: World, story: Story, sheet: Sheet, given: dict[int, Decimal], *, is_stale: bool
) -> None:
    version = 99 if is_stale else None
    refused = await code_of(grade(world, "Ines", sheet.id, given, at_version=version))
    if sheet.state == "IN_PROGRESS":
        assert refused is Code.NOT_FOUND
    elif is_stale:
        assert refused is Code.CONFLICT
    else:
        assert refused is None
        sheet.points |= given
        sheet.history += [(question, points, True) for question, points in given.items()]
        sheet.conclude()
        story.follow(sheet.attempt)


async def _compare(world: World, story: Story) -> None:
    assert [str(each) for each in await states_of(world, "Lea", "Work")] == story.attempts
    async with world.edge.read() as db:
        rows = (await db.scalars(select(Submission).order_by(Submission.id))).all()
        mine = [each for each in rows if each.workspace_id == world.workspace_id]
        modules = (
            await db.scalars(
                select(AttemptModule)
                .where(AttemptModule.workspace_id == world.workspace_id)
                .order_by(AttemptModule.attempt_id)
            )
        ).all()
        answers = (
            await db.scalars(select(Answer).where(Answer.workspace_id == world.workspace_id))
        ).all()
    assert [str(each.state) for each in modules] == story.modules
    for number, module in enumerate(modules):
        scores = [each.score for each in story.of(number) if each.state == "GRADED"]
        assert module.score == max((each for each in scores if each is not None), default=None)
    assert [(each.id, str(each.state)) for each in mine] == [
        (each.id, each.state) for each in story.sheets
    ]
    for row, sheet in zip(mine, story.sheets, strict=True):
        assert row.score == (sheet.score if sheet.state == "GRADED" else None)
        found = {each.question_id: each for each in answers if each.submission_id == row.id}
        _compare_answers(found, sheet)
        history = [
            (each.question_id, each.points, each.graded_by_id is not None)
            for each in await grades_of(world, row.id)
        ]
        assert history == sheet.history


def _compare_answers(found: dict[int, Answer], sheet: Sheet) -> None:
    expected, _ = understood(said(sheet.given), QUIZ.questions)
    assert {id: parsed(each.given) for id, each in found.items() if each.given} == {
        id: each for id, each in expected.items() if each is not None
    }
    assert {id: each.points for id, each in found.items() if sheet.points} == sheet.points
