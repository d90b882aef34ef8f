"""Whatever is begun, finished, failed, handed in, graded, reset, completed by others, assigned,
unassigned, given and taken in whatever order: what is stored is what a naive account of the same
story says, every refusal is the one it expects, and nothing that ever was is gone
(M2, M4, M5, M18, M19, M38, M39, C22, H1)."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.catalog import CourseState, ModuleKind, RetakePolicy, ScorePolicy
from models.coordinators import CourseRoleKind
from models.progress import AttemptState, ModuleState
from operations import coordinators
from operations.coordinators import OnConflict
from operations.learning import abandoning
from operations.refusals import Denied, Refused
from tests.operations.learning import attempting
from tests.sampling import examples
from tests.world import World

pytestmark = pytest.mark.spec("M2", "M4", "M5", "M18", "M19", "M38", "M39", "C22", "H1")

NOT_STARTED, IN_PROGRESS, SUBMITTED, COMPLETED, FAILED, RESET, ABANDONED = (
    each.value for each in AttemptState
)
OPEN, ENDED = {NOT_STARTED, IN_PROGRESS, SUBMITTED}, {COMPLETED, FAILED}
PEOPLE = ("Ada", "Bo", "Mona")
"""Mona manages the workspace, and so completes and resets; now and then she learns too."""

Step: TypeAlias = tuple[Any, ...]

who = st.sampled_from(["Ada", "Ada", "Ada", "Ada", "Bo", "Mona"])
score = st.sampled_from([3, 7, 9])
taking = st.one_of(
    st.tuples(st.just("take whole"), who, score),
    st.tuples(st.just("take whole"), who, score),
    st.tuples(st.just("begin"), who),
    st.tuples(st.just("read"), who),
    st.tuples(st.just("quiz"), who, st.one_of(st.none(), score)),
    st.tuples(st.just("hand in"), who),
)
for_others = st.one_of(
    st.tuples(st.just("grade"), who, st.integers(1, 3), st.sampled_from([2, 8])),
    st.tuples(st.just("reset"), who),
    st.tuples(st.just("complete"), who),
    st.tuples(st.sampled_from(["assign", "assign", "unassign"]), who),
    st.tuples(st.just("role"), who, st.sampled_from(["INSTRUCTOR", "COORDINATOR", None])),
)
settings_of_the_course = st.one_of(
    st.tuples(st.just("retakes"), st.sampled_from([0, 1, 2, None, None])),
    st.tuples(st.just("scores"), st.sampled_from(list(ScorePolicy))),
    st.tuples(st.just("state"), st.sampled_from(["ACTIVE", "ACTIVE", "ARCHIVED"])),
    st.tuples(st.just("publish")),
    st.tuples(st.just("sweep")),
)
steps = st.one_of(taking, taking, for_others, for_others, settings_of_the_course)


@dataclass
class Tried:
    """One attempt, as the naive account has it."""

    role: str
    state: str = NOT_STARTED
    revision: int = 1
    lesson: str = "TO DO"
    quiz: str = "TO DO"
    score: int | None = None
    is_by_word: bool = False
    counts: bool = True
    origin: str = "SELF"

    @property
    def percent(self) -> int | None:
        """Ten points are to be had. What somebody's word completed early has no score."""
        is_whole = self.lesson != "TO DO" and self.quiz in {"PASSED", "FAILED"}
        return 10 * (self.score or 0) if self.state in ENDED and is_whole else None

    def follow(self) -> None:
        """Be what the lesson and the quiz make of it."""
        if self.state in {RESET, ABANDONED} or self.is_by_word:
            return
        if "TO DO" in {self.lesson, self.quiz}:
            self.state = IN_PROGRESS
        elif self.quiz == "WAITS":
            self.state = SUBMITTED
        else:
            is_passed = (self.lesson, self.quiz) == ("READ", "PASSED")
            self.state = COMPLETED if is_passed else FAILED


@dataclass
class Person:
    tried: list[Tried] = field(default_factory=list)
    role: str | None = None
    is_learner: bool = False

    @property
    def open(self) -> Tried | None:
        return next((each for each in self.tried if each.state in OPEN), None)

    @property
    def has_lost_the_role(self) -> bool:
        tried = self.open
        return (
            tried is not None and tried.role not in {"LEARNER", self.role} and not self.is_learner
        )

    def let_go(self) -> None:
        if self.open and self.has_lost_the_role:
            self.open.state = ABANDONED

    @property
    def counting(self) -> list[Tried]:
        return [each for each in self.tried if each.counts and each.state in OPEN | ENDED]


@dataclass
class Story:
    """The naive account: everything said out loud, nothing asked of the database."""

    people: dict[str, Person] = field(default_factory=lambda: {each: Person() for each in PEOPLE})
    limit: int | None = 0
    scores: ScorePolicy = ScorePolicy.BEST
    is_active: bool = True
    revision: int = 1

    def may_take(self, name: str) -> bool:
        person = self.people[name]
        return self.is_active and (person.is_learner or person.role is not None)

    def may_begin(self, person: Person) -> bool:
        ended = [each for each in person.counting if each.state in ENDED]
        if person.role == "INSTRUCTOR":
            return COMPLETED not in [each.state for each in person.tried]
        return (
            person.role == "COORDINATOR"
            or not ended
            or self.limit is None
            or len(ended) - 1 < self.limit
        )

    def taking(self, name: str) -> Tried | None:
        """The attempt in which something is done; None where that is refused."""
        person = self.people[name]
        if not self.may_take(name):
            return None
        if person.open is None or person.has_lost_the_role:
            if not self.may_begin(person):
                return None
            person.let_go()
            person.tried.append(Tried(person.role or "LEARNER", revision=self.revision))
        return person.open

    def begin(self, name: str) -> bool:
        return self.taking(name) is not None

    def take_whole(self, name: str, score: int) -> bool:
        return self.begin(name) and self.read(name) and self.quiz(name, score)

    def read(self, name: str) -> bool:
        person = self.people[name]
        last = person.tried[-1] if person.tried else None
        if self.may_take(name) and last and last.state in ENDED and last.lesson == "READ":
            return last.origin == "SELF"

        def finish(tried: Tried) -> None:
            tried.lesson = "READ" if tried.lesson == "TO DO" else tried.lesson

        return self.do(name, finish)

    def quiz(self, name: str, score: int | None) -> bool:
        def answer(tried: Tried) -> None:
            tried.score, tried.quiz = score, _quiz_state(score)

        return self.do(name, answer)

    def hand_in(self, name: str) -> bool:
        tried = self.people[name].open
        if not self.may_take(name) or tried is None or tried.state == NOT_STARTED:
            return False
        tried.quiz = "FAILED" if tried.quiz == "TO DO" else tried.quiz
        tried.lesson = "NEVER" if tried.lesson == "TO DO" else tried.lesson
        tried.follow()
        return True

    def do(self, name: str, act: Callable[[Tried], None]) -> bool:
        tried = self.taking(name)
        if tried is None:
            return False
        act(tried)
        tried.follow()
        return True

    def grade(self, name: str, number: int, score: int) -> bool:
        """Only what waits, or was graded before, is graded."""
        tried = self.people[name].tried[number - 1 : number]
        if not tried or tried[0].quiz == "TO DO" or tried[0].origin == "MANUAL":
            return False
        tried[0].score, tried[0].quiz = score, _quiz_state(score)
        if tried[0].state in ENDED or tried[0].state in OPEN:
            tried[0].follow()
        return True

    def reset(self, name: str) -> str:
        person = self.people[name]
        if name == "Mona":
            return "SELF_ACTION"
        if not person.is_learner:
            return "NOT_LEARNER"
        if not any(each.counts for each in person.tried):
            return "NOTHING_TO_RESET"
        if person.open:
            person.open.state = RESET
        for each in person.tried:
            each.counts = False
        return "RESET"

    def complete(self, name: str) -> str:
        person = self.people[name]
        if name == "Mona":
            return "SELF_ACTION"
        if not person.is_learner:
            return "NOT_LEARNER"
        if COMPLETED in [each.state for each in person.counting]:
            return "ALREADY_COMPLETED"
        if person.open is None:
            person.tried.append(Tried(person.role or "LEARNER", origin="MANUAL"))
        tried = person.open
        assert tried is not None
        tried.state, tried.is_by_word = COMPLETED, True
        return "COMPLETED"

    def assign(self, name: str) -> None:
        person = self.people[name]
        person.is_learner = person.is_learner or person.role != "INSTRUCTOR"

    def unassign(self, name: str) -> None:
        self.people[name].is_learner = False

    def be(self, name: str, role: str | None) -> None:
        self.people[name].role = role
        self.people[name].let_go()

    def sweep(self) -> int:
        found = [each for each in self.people.values() if each.has_lost_the_role]
        for each in found:
            each.let_go()
        return len(found)

    def said(self, name: str) -> list[tuple[Any, ...]]:
        return [
            (number, each.state, each.role, each.origin)
            for number, each in enumerate(self.people[name].tried, start=1)
        ]

    def standing(self, name: str) -> tuple[str, int | None]:
        counting = self.people[name].counting
        states = [each.state for each in counting]
        state = next((each for each in (COMPLETED, *OPEN, FAILED) if each in states), NOT_STARTED)
        scores = [each.percent for each in counting if each.percent is not None]
        if not scores:
            return state, None
        return state, {"BEST": max(scores), "FIRST": scores[0], "LAST": scores[-1]}[self.scores]


@dataclass
class Real:
    """The same story, done."""

    world: World

    async def do(self, verb: str, *said: Any) -> Any:
        return await getattr(self, verb.replace(" ", "_"))(*said)

    async def allowed(self, doing: Any) -> bool:
        try:
            await doing
        except (Denied, Refused):
            return False
        return True

    async def begin(self, name: str) -> bool:
        return await self.allowed(attempting.start(self.world, name))

    async def take_whole(self, name: str, score: int) -> bool:
        return await self.begin(name) and await self.read(name) and await self.quiz(name, score)

    async def read(self, name: str) -> bool:
        return await self.allowed(attempting.read(self.world, name, "Read"))

    async def quiz(self, name: str, score: int | None) -> bool:
        state = _module_state(score)
        return await self.allowed(attempting.work(self.world, name, "Quiz", state, score))

    async def hand_in(self, name: str) -> bool:
        return await self.allowed(attempting.submit(self.world, name))

    async def grade(self, name: str, number: int, score: int) -> bool:
        tried = await attempting.attempts_of(self.world, name)
        if len(tried) < number:
            return False
        return await attempting.grade_if_handed_in(
            self.world, name, "Quiz", _module_state(score), score, number=number
        )

    async def reset(self, name: str) -> str:
        [result] = await attempting.reset(self.world, "Mona", name)
        return result

    async def complete(self, name: str) -> str:
        [result] = await attempting.mark_complete(self.world, "Mona", name)
        return result

    async def assign(self, name: str) -> None:
        await self.world.enrol("Safety", name)

    async def unassign(self, name: str) -> None:
        await attempting.unenrol(self.world, name)

    async def be(self, name: str, role: str | None) -> None:
        if role is None:
            for kind in CourseRoleKind:
                await attempting.dismiss(self.world, name, kind)
            return
        lists: dict[str, Any] = {f"{role.lower()}s": [self.world.members[name]]}
        async with self.world.edge.transaction() as db:
            await coordinators.assign(
                db,
                by=self.world.system,
                course_id=self.world.courses["Safety"],
                on_conflict=OnConflict.SWITCH,
                **lists,
            )

    async def sweep(self) -> int:
        async with self.world.edge.transaction() as db:
            return await abandoning.sweep(db, limit=100)


def _quiz_state(score: int | None) -> str:
    return "WAITS" if score is None else "PASSED" if score > 5 else "FAILED"


def _module_state(score: int | None) -> ModuleState:
    if score is None:
        return ModuleState.SUBMITTED
    return ModuleState.COMPLETED if score > 5 else ModuleState.FAILED


async def tell(story: Story, real: Real, step: Step) -> tuple[Any, Any]:
    """One step of both accounts: what came of it."""
    verb, *said = step
    match verb:
        case "role":
            story.be(*said)
            await real.be(*said)
        case "retakes":
            [story.limit] = said
            policy = {0: RetakePolicy.NONE, None: RetakePolicy.UNLIMITED}.get(
                story.limit, RetakePolicy.LIMITED
            )
            number = story.limit if policy is RetakePolicy.LIMITED else None
            await attempting.configure(real.world, retake_policy=policy, retake_limit=number)
        case "scores":
            [story.scores] = said
            await attempting.configure(real.world, score_policy=story.scores)
        case "state":
            story.is_active = said == ["ACTIVE"]
            await attempting.configure(real.world, state=CourseState(said[0]))
        case "publish":
            story.revision = await attempting.publish(real.world, "Read")
        case _:
            name = verb.replace(" ", "_")
            return getattr(story, name)(*said), await getattr(real, name)(*said)
    return None, None


_numbers = itertools.count(1)


@settings(
    max_examples=examples(28),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, min_size=6, max_size=25))
async def test_any_history_ends_as_a_naive_account_of_it_says(
    sessions: async_sessionmaker[AsyncSession], history: list[Step]
) -> None:
    world, story = await World.new(sessions, f"story-{next(_numbers)}"), Story()
    real = Real(world)
    for name in PEOPLE:
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety")
    await attempting.consist_of(world, "Safety", Read=ModuleKind.LESSON, Quiz=ModuleKind.QUIZ)
    for name in PEOPLE:
        await tell(story, real, ("assign", name))

    for step in history:
        expected, done = await tell(story, real, step)
        event(f"{step[0]}: {done}")
        assert done == expected, step

    for name in PEOPLE:
        attempts = await attempting.attempts_of(world, name)
        said = [(each.number, each.state, each.role, each.origin) for each in attempts]
        assert said == story.said(name)
        if attempts:
            row = await attempting.progress_of(world, name)
            assert (row.state, row.percent) == story.standing(name)
        assert await attempting.seen_by(world, name, name) == len(attempts)
        assert await attempting.seen_by(world, "Mona", name) == len(attempts)
        for real_one, told in zip(attempts, story.people[name].tried, strict=True):
            modules = await attempting.revisions_of(world, real_one)
            assert modules == ({} if told.origin == "MANUAL" else _on(told.revision))


def _on(revision: int) -> dict[str, int]:
    return {"Read": revision, "Quiz": 1}
