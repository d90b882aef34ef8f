"""A course with a quiz of every kind of question, its staff, and learners whose answers differ."""

import datetime as dt
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from access.permissions import Principal
from app.workbooks import write_csv, write_xlsx
from app.workbooks.quiz_insights import QuizWorkbook, quiz_workbook
from models.catalog import RetakePolicy
from operations.insights.cells import Narrow
from tests.content import EVERY_KIND
from tests.operations.learning.attempting import configure
from tests.taking import RIGHT, WRONG, grade, save, start, submit, teach
from tests.world import MONDAY, World

EVERYBODY: Final = Narrow()
DEPARTMENTS: Final = ("Sales", "Care", "")
QUIZ: Final = replace(EVERY_KIND, submission_cap=3)


@dataclass
class Classroom:
    """“Safety” has the quiz “Views”. Mona manages, Ines instructs, Cora coordinates."""

    world: World

    @classmethod
    async def new(cls, world: World) -> "Classroom":
        for name in ("Mona", "Ines", "Cora", "Nora"):
            await world.member(name, emails=[f"{name.lower()}@acme.example"])
        await world.grant("Mona", Principal.WORKSPACE_MANAGER)
        await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
        await teach(world, "Safety", Views=QUIZ)
        await configure(world, "Safety", retake_policy=RetakePolicy.UNLIMITED)
        return cls(world)

    async def learner(self, name: str, department: str = "") -> None:
        address = f"{name.lower().replace(' ', '.')}@acme.example"
        await self.world.member(name, department=department, emails=[address])
        await self.world.enrol("Safety", name)

    async def take(
        self,
        name: str,
        answers: Mapping[int, object],
        *,
        essay: str | None = None,
        at: dt.datetime = MONDAY,
        took: dt.timedelta = dt.timedelta(minutes=10),
    ) -> int:
        """Answer one after the other and hand in; with points for the essay, where given."""
        begun = await start(self.world, name, "Safety", "Views", at)
        for place, (id, answer) in enumerate(answers.items(), 1):
            then = at + took * place * place / (len(answers) ** 2 + 1)
            await save(self.world, name, begun.id, {id: answer}, then)
        await submit(self.world, name, begun.id, at + took)
        if essay is not None:
            await grade(self.world, "Ines", begun.id, {6: essay}, at=at + 2 * took)
        return begun.id

    async def fill(self, people: int) -> None:
        """Learners of differing skill, some with a second try, the last still at it."""
        chance = Random(5)
        for number in range(people):
            name = f"Learner {number:03}"
            await self.learner(name, DEPARTMENTS[number % 3])
            skill = chance.gauss(0.65, 0.22)
            for attempt in range(1 + (number % 7 == 0)):
                answers = {
                    id: RIGHT[id] if chance.random() < skill + (3 - id) * 0.1 else WRONG[id]
                    for id in RIGHT
                }
                at = MONDAY + dt.timedelta(hours=number, days=3 * attempt)
                took = dt.timedelta(seconds=chance.randint(120, 1500))
                points = f"{min(3.5, max(0, round(7 * skill) / 2))}"
                done = {**answers, 6: f"I think {name} knows.\nAnd more."}
                await self.take(name, done, essay=points, at=at, took=took)
        await self.learner("Zoe", "Sales")
        await start(self.world, "Zoe", "Safety", "Views", MONDAY)

    async def workbook(
        self, name: str, path: Path, to: Narrow = EVERYBODY, *, is_csv: bool = False
    ) -> QuizWorkbook:
        """What this person gets, written to the path."""
        async with self.world.edge.read() as db:
            book = await quiz_workbook(
                lambda: nullcontext(db),
                by=self.world.caller(name),
                course_id=self.world.courses["Safety"],
                module_id=self.world.modules["Views"],
                to=to,
                at=MONDAY,
            )
            if is_csv:
                await write_csv(path, book.sheets[0], zone=book.zone)
            else:
                await write_xlsx(path, book.sheets, zone=book.zone)
            return book
