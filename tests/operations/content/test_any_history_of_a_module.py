"""Whatever is written, published, reverted and renamed in whatever order, also by whoever has read
an older draft: the same as in a naive story, and what was published stays (C22)."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.catalog import ModuleKind
from operations.content.questions import QuestionKind, QuizContent, parsed
from operations.content.writing import WrittenQuestion, WrittenQuiz
from operations.refusals import Code, Refused
from tests.operations.content.writing import (
    draft_of,
    edit,
    publish,
    rename,
    revert,
    revision,
)
from tests.sampling import examples
from tests.world import World

_numbers = itertools.count(1)

STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.integers(0, 3)),
    st.tuples(st.just("bring back"), st.integers(1, 9)),
    st.tuples(st.just("publish"), st.booleans()),
    st.tuples(st.just("revert"), st.booleans()),
    st.tuples(st.just("rename"), st.integers(0, 2)),
    st.tuples(st.just("stale"), st.integers(0, 9)),
)


@dataclass
class Told:
    """The same story, told without a database: a draft is the numbers of its questions."""

    title: str = "Exam"
    draft: tuple[int, ...] = ()
    version: int = 0
    last: int = 0
    revisions: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def write(self, numbers: tuple[int, ...]) -> None:
        if numbers != self.draft:
            self.draft = numbers
            self.version += 1

    def add(self, place: int) -> None:
        self.last += 1
        self.write((*self.draft[:place], self.last, *self.draft[place:]))

    def may_bring_back(self, number: int) -> bool:
        newest = self.revisions[-1][1] if self.revisions else ()
        return number in newest and number not in self.draft

    def publish(self) -> Code | None:
        if self.revisions and self.revisions[-1] == (self.title, self.draft):
            return Code.NOTHING_TO_PUBLISH
        if not self.draft:
            return Code.INVALID_CONTENT
        self.revisions.append((self.title, self.draft))
        return None

    def revert(self) -> Code | None:
        if not self.revisions:
            return Code.NOTHING_TO_REVERT
        self.write(self.revisions[-1][1])
        return None


@pytest.mark.spec("C22")
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, max_size=14))
async def test_any_history_is_the_naive_one(
    sessions: async_sessionmaker[AsyncSession], steps: list[tuple[str, int]]
) -> None:
    world = await World.new(sessions, f"w-{next(_numbers)}")
    await world.member("Ina")
    await world.course("Safety", instructors=["Ina"])
    await world.module("Exam", courses=["Safety"], kind=ModuleKind.QUIZ)
    told = Told()

    for step, given_ in steps:
        await _take(world, told, step, given_)
        await _agree(world, told)

    for number, (title, numbers) in enumerate(told.revisions, 1):
        found = await revision(world, "Exam", number)
        assert (found.title, _asked(found.content)) == (title, numbers)


async def _take(world: World, told: Told, step: str, given_: int) -> None:
    match step:
        case "add" | "drop" | "bring back":
            await _take_writing(world, told, step, given_)
        case "publish":
            said = told.version if given_ else None
            assert await _code(publish(world, "Ina", "Exam", version=said)) is told.publish()
        case "revert":
            said = told.version if given_ else None
            assert await _code(revert(world, "Ina", "Exam", version=said)) is told.revert()
        case "rename":
            told.title = f"Exam {given_}"
            await rename(world, "Ina", "Exam", told.title)
        case "stale" if given_ != told.version:
            assert await _code(edit(world, "Ina", "Exam", WrittenQuiz(), given_)) is Code.CONFLICT


async def _take_writing(world: World, told: Told, step: str, given_: int) -> None:
    match step:
        case "add":
            place = min(given_, len(told.draft))
            await _write(world, told, (*told.draft[:place], None, *told.draft[place:]))
            told.add(place)
        case "drop":
            left = (*told.draft[:given_], *told.draft[given_ + 1 :])
            await _write(world, told, left)
            told.write(left)
        case _ if told.may_bring_back(given_):
            await _write(world, told, (*told.draft, given_))
            told.write((*told.draft, given_))
        case _ if given_ not in told.draft:
            refusal = await _code(_write(world, told, (*told.draft, given_)))
            assert refusal is Code.INVALID_CONTENT


async def _agree(world: World, told: Told) -> None:
    draft = await draft_of(world, "Exam")
    assert (_asked(draft.content), draft.version) == (told.draft, told.version)


async def _write(world: World, told: Told, numbers: tuple[int | None, ...]) -> None:
    questions = [
        WrittenQuestion(QuestionKind.TRUE_FALSE, "Is it?", is_true=True, id=each)
        for each in numbers
    ]
    await edit(world, "Ina", "Exam", WrittenQuiz(questions), told.version)


async def _code(call: object) -> Code | None:
    try:
        await call  # type: ignore[misc]
    except Refused as refusal:
        return refusal.code
    return None


def _asked(content: dict[str, object]) -> tuple[int, ...]:
    quiz = parsed(content)
    assert isinstance(quiz, QuizContent)
    return tuple(each.id for each in quiz.questions)
