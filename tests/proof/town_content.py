"""The content of a town: lessons published twice and being edited again, with a file each, and a
quiz and an assignment in Selling, which nobody may edit by a right on them alone.

Whoever may edit, publish and revert a lesson has one for each of these, with a draft that says
something new; those of dept_create are in no course.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from access.permissions import Principal
from models.catalog import ModuleKind
from operations.content import attachments, drafts, publishing
from operations.content.attachments import Stored
from operations.content.questions import AssignmentContent, LessonContent, QuestionKind
from operations.content.writing import Written, WrittenQuestion, WrittenQuiz
from tests.content import EVERY_KIND, as_written
from tests.world import MONDAY, World

if TYPE_CHECKING:
    from tests.proof.town import City

EXAM: Final = "Sales Exam"
TASK: Final = "Sales Task"
UNFINISHED: Final = WrittenQuiz([WrittenQuestion(QuestionKind.SINGLE_CHOICE, "Which?")])
WITH_FILES: Final = ("Pitch", "Clause", "Made")
VERBS: Final = ("edit", "publish", "revert")
OF_SELLING: Final = ("workspace_manager", "department_manager", "instructor", "module_edit")
OF_SALES: Final = ("workspace_manager", "department_manager", "dept_create")
OF_LAW: Final = ("workspace_manager",)


def to_write(verb: str, who: str, place: str, thing: str | None) -> str:
    """The module of a place with which this principal does this; those who may not, have none of
    their own."""
    name = _name("Legal" if place == "twin" else "Sales", verb, thing, who)
    plain = {"own": thing or "Pitch", "twin": "Clause", "abroad": "Pitch"}[place]
    return name if place != "abroad" and name in set(_own()) else plain


def is_made(module: str) -> bool:
    """Whether dept_create made it, and no course uses it."""
    return module == "Made" or " made " in module


def is_edited(module: str) -> bool:
    """Whether the holder of module_edit holds it there."""
    return module == "Pitch" or module.endswith(" module_edit")


def _name(department: str, verb: str, thing: str | None, who: str) -> str:
    return f"{department} {verb}{' made' if thing == 'Made' else ''} {who}"


def _own() -> Iterator[str]:
    for verb in VERBS:
        yield from (_name("Sales", verb, None, who) for who in OF_SELLING)
        yield from (_name("Sales", verb, "Made", who) for who in OF_SALES)
        yield from (_name("Legal", verb, None, who) for who in OF_LAW)


async def furnish(city: "City") -> None:
    world = city.world
    await world.module(EXAM, department="Sales", courses=["Selling"], kind=ModuleKind.QUIZ)
    await world.module(TASK, department="Sales", courses=["Selling"], kind=ModuleKind.ASSIGNMENT)
    for module, written in (
        (EXAM, as_written(EVERY_KIND)),
        (TASK, AssignmentContent("Write a page.", Decimal(10))),
    ):
        await write(world, module, written)
        await publish(world, module)
    await write(world, EXAM, UNFINISHED)
    for module in WITH_FILES:
        city.attachments[module] = await attach(world, module)
        await _lesson(world, module, f"[File](attachment:{city.attachments[module]})")
    for module in _own():
        department = module.split()[0]
        courses = {"Legal": ["Law"], "Sales": [] if is_made(module) else ["Selling"]}[department]
        by = "dept_create" if is_made(module) else None
        await world.module(module, department=department, courses=courses, by=by)
        await _lesson(world, module, "# First")
        if is_edited(module):
            await world.grant("module_edit", Principal.MODULE_EDIT, module=module)


async def _lesson(world: World, module: str, first: str) -> None:
    """Revisions 1 and 2, and a draft at version 3 that is neither."""
    await write(world, module, LessonContent(first))
    await publish(world, module)
    await write(world, module, LessonContent("# Second"))
    await publish(world, module)
    await write(world, module, LessonContent("# Third"))


async def write(world: World, module: str, written: Written, at: dt.datetime = MONDAY) -> None:
    async with world.edge.transaction() as db:
        row = await drafts.lock(db, by=world.system, module_id=world.modules[module])
        version = (await drafts.current(db, row)).version
        await drafts.edit(
            db, by=world.system, module_id=row.id, version=version, written=written, at=at
        )


async def publish(world: World, module: str) -> None:
    async with world.edge.transaction() as db:
        await publishing.publish(
            db,
            by=world.system,
            module_id=world.modules[module],
            note="As agreed.",
            version=None,
            at=MONDAY,
        )


async def attach(world: World, module: str) -> int:
    """A file whose bytes are nowhere."""
    async with world.edge.transaction() as db:
        made = await attachments.add(
            db,
            by=world.system,
            module_id=world.modules[module],
            file_name=f"{module}.pdf",
            stored=Stored(f"nowhere/{module}", "application/pdf", 4, bytes(32)),
            at=MONDAY,
        )
        return made.id
