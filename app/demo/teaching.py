"""What the demo company teaches, and who looks after it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from app.demo import company
from app.demo.company import CoursePlan
from operations import (
    attachments,
    coordinators,
    courses,
    departments,
    grants,
    modules,
    segments,
    team,
)
from operations.learning import enrolments

Ids = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Taught:
    """The ids of what there is to learn, by name."""

    academies: Ids
    courses: Ids
    modules: Ids


async def teach(db: AsyncSession, *, by: Caller, ids: Ids, at: dt.datetime) -> Taught:
    """Departments, segments, courses, modules and grants."""
    academies = {
        name: (await departments.create(db, by=by, name=name)).id for name in company.ACADEMIES
    }
    made = await _segments(db, by, ids)
    course_ids = {
        plan.title: await _course(db, by, plan, academies=academies, made=made, ids=ids, at=at)
        for plan in company.COURSES
    }
    module_ids = await _modules(db, by, academies, course_ids)
    owners = {plan.title: academies[plan.department] for plan in company.COURSES}
    for role in company.ROLES:
        people = [ids[role.user_name]]
        if role.course:
            await team.add(db, by=by, department_id=owners[role.course], member_ids=people)
        await grants.give(
            db,
            by=by,
            member_ids=people,
            principals=[role.principal],
            department_id=academies[role.department] if role.department else None,
            course_id=course_ids[role.course] if role.course else None,
            module_id=module_ids[role.module] if role.module else None,
            at=at,
        )
    return Taught(academies, course_ids, module_ids)


async def _segments(db: AsyncSession, by: Caller, ids: Ids) -> Ids:
    made = {}
    for plan in company.SEGMENTS:
        segment = await segments.create(
            db,
            by=by,
            name=plan.name,
            rule=plan.rule,
            member_ids=[ids[name] for name in plan.people],
            is_usable_by_departments=plan.is_usable_by_departments,
        )
        made[plan.name] = segment.id
    return made


async def _course(
    db: AsyncSession,
    by: Caller,
    plan: CoursePlan,
    *,
    academies: Ids,
    made: Ids,
    ids: Ids,
    at: dt.datetime,
) -> int:
    course = await courses.create(
        db,
        by=by,
        department_id=academies[plan.department],
        title=plan.title,
        kind=plan.kind,
        state=plan.state,
        description=f"{plan.title}, by the {plan.department}.",
    )
    await coordinators.assign(
        db,
        by=by,
        course_id=course.id,
        instructors=[ids[name] for name in plan.instructors],
        coordinators=[ids[name] for name in plan.coordinators],
    )
    for name in plan.segments:
        await attachments.attach(db, by=by, course_id=course.id, segment_id=made[name])
    if plan.learners:
        await enrolments.assign(
            db,
            by=by,
            course_id=course.id,
            member_ids=[ids[name] for name in plan.learners],
            at=at,
        )
    if plan.segment_limit is not None:
        await courses.set_segment_limit(db, by=by, course_id=course.id, limit=plan.segment_limit)
    return course.id


async def _modules(db: AsyncSession, by: Caller, academies: Ids, course_ids: Ids) -> Ids:
    made = {}
    for plan in company.MODULES:
        module = await modules.create(
            db,
            by=by,
            department_id=academies[plan.department],
            title=plan.title,
            kind=plan.kind,
        )
        made[plan.title] = module.id
        for title in plan.courses:
            await modules.add_remove(db, by=by, course_id=course_ids[title], add=[module.id])
    return made
