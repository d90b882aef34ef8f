"""A company whose people write, teach, coordinate and learn, and what they do to its modules."""

from collections.abc import Sequence
from typing import Any

from access.permissions import Principal
from models.catalog import ModuleKind
from models.content import ModuleDraft, ModuleRevision
from operations.content import drafts, publishing
from operations.content.questions import Content, LessonContent, parsed
from operations.content.revisions import published
from operations.content.writing import Written
from operations.refusals import Denied, Refused
from tests.world import MONDAY, World

MAY_WRITE = ("Mo", "Dan", "Edda", "Ina", "Cleo")
MAY_LOOK = ("Tess", "Gil")
MAY_NEITHER = ("Cora", "Seg", "Lea", "Rolf", "Enno", "Cid")
"""Coordinators by hand and through a segment, a learner, and holders of Enroll and Course Edit."""


async def open_school(world: World) -> None:
    """Course Safety uses the lesson Ropes, which Cleo made, and the quiz Exam; Law is beside."""
    for name in ("Mo", "Dan", "Edda", "Ina", "Cleo", "Tess", "Gil", "Cora", "Lea", "Rolf", "Enno"):
        await world.member(name)
    await world.member("Cid")
    await world.member("Seg", department="Sales")
    await world.member("Ada")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course(
        "Safety",
        instructors=["Ina"],
        coordinators_by_hand=["Cora"],
        segments_attached=["Sellers"],
    )
    await world.course("Law", department="Legal", instructors=["Ada"])
    await world.module("Ropes", courses=["Safety"], by="Cleo")
    await world.module("Exam", courses=["Safety"], kind=ModuleKind.QUIZ)
    await world.module("Essay", courses=["Safety"], kind=ModuleKind.ASSIGNMENT)
    await world.module("Statutes", department="Legal", courses=["Law"])
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Cleo", Principal.DEPT_CREATE, department="Training")
    await world.grant("Tess", Principal.DEPT_TEACH, department="Training")
    await world.grant("Enno", Principal.DEPT_ENROLL, department="Training")
    await world.grant("Edda", Principal.MODULE_EDIT, module="Ropes")
    await world.grant("Gil", Principal.COURSE_TEACH, course="Safety")
    await world.grant("Rolf", Principal.COURSE_ENROLL, course="Safety")
    await world.grant("Cid", Principal.COURSE_EDIT, course="Safety")
    await world.enrol("Safety", "Lea")


async def edit(
    world: World, by: str, module: str, written: Written | str, version: int | None = None
) -> ModuleDraft:
    """Without a version, the one the draft is at."""
    said = LessonContent(written) if isinstance(written, str) else written
    async with world.edge.transaction() as db:
        return await drafts.edit(
            db,
            by=world.caller(by),
            module_id=world.modules[module],
            version=(await draft_of(world, module)).version if version is None else version,
            written=said,
            at=MONDAY,
        )


async def publish(
    world: World, by: str, module: str, *, note: str = "", version: int | None = None
) -> ModuleRevision:
    async with world.edge.transaction() as db:
        return await publishing.publish(
            db,
            by=world.caller(by),
            module_id=world.modules[module],
            note=note,
            version=version,
            at=MONDAY,
        )


async def revert(world: World, by: str, module: str, *, version: int | None = None) -> ModuleDraft:
    async with world.edge.transaction() as db:
        return await drafts.revert(
            db,
            by=world.caller(by),
            module_id=world.modules[module],
            version=version,
            at=MONDAY,
        )


async def rename(world: World, by: str, module: str, title: str) -> None:
    async with world.edge.transaction() as db:
        await drafts.rename(db, by=world.caller(by), module_id=world.modules[module], title=title)


async def draft_of(world: World, module: str) -> ModuleDraft:
    async with world.edge.read() as db:
        row = await drafts.seen(db, by=world.system, module_id=world.modules[module])
        return await drafts.current(db, row)


async def says(world: World, module: str) -> Content:
    """What the draft says."""
    return parsed((await draft_of(world, module)).content)


async def revision(world: World, module: str, number: int) -> ModuleRevision:
    async with world.edge.read() as db:
        return await published(
            db, workspace_id=world.workspace_id, module_id=world.modules[module], number=number
        )


async def refused(call: Any) -> Refused | Denied:
    """What was said when it was not done."""
    try:
        await call
    except (Refused, Denied) as problem:
        return problem
    raise AssertionError("It was done.")


def paths(refusal: Refused | Denied) -> Sequence[tuple[str, str]]:
    """Kind and place of every problem of a refused content."""
    assert isinstance(refusal, Refused)
    return [(each["kind"], ".".join(each["path"])) for each in refusal.details["problems"]]
