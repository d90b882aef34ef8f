"""Modules: making them, and putting them into courses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.catalog import Course, CourseModule, Module, ModuleKind
from models.journal import record
from operations import courses, departments, visible
from operations.grant_rows import Place, give_to_maker, lock_maker
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import name_of

MODULES_A_CALL: Final = 500
MODULES_A_COURSE: Final = 1_000

PLACE: Final = text("""
INSERT INTO course_module (course_id, module_id, workspace_id, place)
SELECT :course_id, given.id, :workspace_id, given.place
  FROM unnest(CAST(:modules AS integer[])) WITH ORDINALITY AS given(id, place)
 ORDER BY given.place
ON CONFLICT (course_id, module_id) DO UPDATE SET place = excluded.place
 WHERE course_module.place <> excluded.place
""")


@dataclass(frozen=True, slots=True)
class Arranged:
    """What a call did to the modules of a course; `order` are all of them, in order."""

    added: tuple[int, ...]
    removed: tuple[int, ...]
    order: tuple[int, ...]


async def create(
    db: AsyncSession, *, by: Caller, department_id: int, title: str, kind: ModuleKind
) -> Module:
    """A new module of a department, in no course yet. Its maker gets Module Edit on it, nothing
    more (C8)."""
    maker = await lock_maker(db, by)
    await departments.seen(db, by, department_id)
    await require(db, by, Permission.CREATE_MODULE, department_id=department_id)
    module = Module(
        workspace_id=by.workspace_id,
        department_id=department_id,
        title=name_of(title, "title"),
        kind=kind,
        created_by_id=by.member_id,
    )
    db.add(module)
    await db.flush()
    if maker is not None:
        place = Place(Scope.MODULE, module.id, department_id)
        await give_to_maker(db, by=by, maker=maker, principal=Principal.MODULE_EDIT, place=place)
    record(
        db,
        by=by,
        verb="module.created",
        department_id=department_id,
        after={"moduleId": module.id, "title": module.title, "kind": kind},
    )
    return module


async def add_remove(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    add: Collection[int] = (),
    remove: Collection[int] = (),
    order: Sequence[int] | None = None,
) -> Arranged:
    """Put modules into a course, at its end, and take others out; `order`, where given, names all
    that are in it then. The modules themselves are not touched (C12).

    Only modules of the course's own department can be in it. What is in it already, or is not, is
    passed over.
    """
    course = await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.ADD_REMOVE_MODULES, course_id=course_id)
    _refuse_unclear(add, remove, order)
    before = await _modules_of(db, course_id)
    added = tuple(id for id in dict.fromkeys(add) if id not in before)
    await _refuse_foreign(db, by, course, added)
    removed = tuple(id for id in before if id in set(remove))
    after = tuple(id for id in (*before, *added) if id not in removed)
    if order is not None:
        after = _in_order(after, order)
    if after == before:
        return Arranged((), (), after)
    _refuse_crowd(after)
    await _write(db, by, course_id, removed, after)
    record(
        db,
        by=by,
        verb="course.modules_changed",
        course_id=course_id,
        before={"modules": before},
        after={"modules": after},
    )
    return Arranged(added, removed, after)


async def _modules_of(db: AsyncSession, course_id: int) -> tuple[int, ...]:
    rows = await db.scalars(
        select(CourseModule.module_id)
        .where(CourseModule.course_id == course_id)
        .order_by(CourseModule.place)
    )
    return tuple(rows)


async def _refuse_foreign(
    db: AsyncSession, by: Caller, course: Course, added: Collection[int]
) -> None:
    """Raises Refused for modules that do not exist, and for those of another department; of these
    only what the caller sees is told."""
    if not added:
        return
    seen = visible.modules(by).with_only_columns(Module.id)
    rows = await db.execute(
        select(Module.id, Module.department_id)
        .where(
            Module.workspace_id == by.workspace_id,
            Module.id.in_(sorted(added)),
            or_(Module.department_id == course.department_id, Module.id.in_(seen)),
        )
        .order_by(Module.id)
        .with_for_update(read=True, key_share=True)
    )
    owner: dict[int, int] = {row[0]: row[1] for row in rows}
    unknown = sorted(set(added) - owner.keys())
    if unknown:
        raise Refused(
            Code.NOT_FOUND, f"{len(unknown)} of these modules do not exist.", {"moduleIds": unknown}
        )
    foreign = sorted(id for id, whose in owner.items() if whose != course.department_id)
    if foreign:
        raise Refused(
            Code.NOT_IN_DEPARTMENT,
            f"{len(foreign)} of these modules belong to another department than the course.",
            {"moduleIds": foreign, "departmentIds": [course.department_id]},
        )


async def _write(
    db: AsyncSession,
    by: Caller,
    course_id: int,
    removed: Collection[int],
    after: Sequence[int],
) -> None:
    """Two statements, however many; the uniqueness of places is looked at when all are written."""
    if removed:
        await db.execute(
            delete(CourseModule).where(
                CourseModule.course_id == course_id, CourseModule.module_id.in_(removed)
            )
        )
    about = {"course_id": course_id, "workspace_id": by.workspace_id, "modules": list(after)}
    await db.execute(PLACE, about)


def _refuse_unclear(
    add: Collection[int], remove: Collection[int], order: Collection[int] | None
) -> None:
    if not add and not remove and order is None:
        raise Refused(Code.BAD_USER_INPUT, "Say which modules to add, to remove, or their order.")
    for named in (add, remove):
        if len(named) > MODULES_A_CALL:
            raise Refused(
                Code.LIMIT_REACHED,
                f"One call can name {MODULES_A_CALL} modules; this one names {len(named)}.",
                {"limit": MODULES_A_CALL, "count": len(named)},
            )
    both = sorted(set(add) & set(remove))
    if both:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{len(both)} modules stand in both add and remove.",
            {"moduleIds": both},
        )


def _in_order(present: Collection[int], order: Sequence[int]) -> tuple[int, ...]:
    """Refuses an order that is not exactly of what will be there."""
    missing = sorted(set(present) - set(order))
    strange = sorted(set(order) - set(present))
    if missing or strange or len(order) != len(set(order)):
        raise Refused(
            Code.BAD_USER_INPUT,
            f"The order names each of {len(present)} modules once; {len(missing)} are missing and"
            f" {len(strange)} are not in the course.",
            {"moduleIds": missing or strange},
        )
    return tuple(order)


def _refuse_crowd(after: Collection[int]) -> None:
    if len(after) > MODULES_A_COURSE:
        raise Refused(
            Code.LIMIT_REACHED,
            f"A course can hold {MODULES_A_COURSE} modules; these would be {len(after)}.",
            {"limit": MODULES_A_COURSE, "count": len(after)},
        )
