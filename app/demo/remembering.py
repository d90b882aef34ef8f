"""Plays what takes the longest of the demo company's past: everybody who took First Aid, one after
the other in a transaction of their own, by as many processes as there are cores, up to four.

What was interrupted goes on at the next start, with whoever has not been played yet.
"""

import datetime as dt
import multiprocessing
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

import uvloop
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Origin, system
from app.database import sessions_on, web_engine
from app.demo import company, first_aid
from app.demo.learning import Story
from app.demo.teaching import Taught
from app.embedded import CannotStart
from app.settings import Settings
from models.catalog import Course, Module
from models.people import Member
from models.progress import Attempt, AttemptState
from models.workspaces import Workspace
from operations.edge import Edge

AT_ONCE: Final = min(4, os.cpu_count() or 1)

T = TypeVar("T")


def remember(settings: Settings) -> None:
    """Play what has not been played yet."""
    if uvloop.run(_on(settings, _is_done)):
        return
    forks = multiprocessing.get_context("fork")
    playing = [forks.Process(target=_play, args=(settings, part)) for part in range(AT_ONCE)]
    for each in playing:
        each.start()
    for each in playing:
        each.join()
    if any(each.exitcode for each in playing):
        raise CannotStart("The past of the demo company was not played to its end; start again.")
    uvloop.run(_on(settings, _end))


def _play(settings: Settings, part: int) -> None:
    async def play(edge: Edge) -> None:
        async with edge.read() as db:
            story = await _story(db)
            course_id = story.course(first_aid.COURSE)
            played = select(Attempt.member_id).where(Attempt.course_id == course_id)
            done = set(await db.scalars(played))
            questions = await first_aid.questions_of(story)
        for each in first_aid.learners()[part::AT_ONCE]:
            if story.ids[each.user_name] not in done:
                async with edge.transaction() as db:
                    await first_aid.take(replace(story, db=db), questions, each)

    uvloop.run(_on(settings, play))


async def _is_done(edge: Edge) -> bool:
    """Whether it has ended, or belongs to a company that has no such past."""
    async with edge.read() as db:
        story = await _story(db)
        is_of_course = Attempt.course_id == story.course(first_aid.COURSE)
        ended = exists().where(is_of_course, Attempt.state == AttemptState.RESET)
        return first_aid.QUIZ not in story.taught.modules or bool(await db.scalar(select(ended)))


async def _end(edge: Edge) -> None:
    async with edge.transaction() as db:
        await first_aid.end(await _story(db))


async def _story(db: AsyncSession) -> Story:
    """The company as it was made."""
    [workspace_id] = await db.scalars(select(Workspace.id).where(Workspace.slug == company.SLUG))

    async def numbers(name: Any, owner: Any) -> dict[str, int]:
        rows = await db.execute(select(name, owner.id).where(owner.workspace_id == workspace_id))
        return {row[0]: row[1] for row in rows}

    taught = Taught({}, await numbers(Course.title, Course), await numbers(Module.title, Module))
    ids = await numbers(Member.user_name, Member)
    by = system(workspace_id, Origin.CLI)
    return Story(db, by, ids, taught, dt.datetime.now(dt.UTC))


async def _on(settings: Settings, play: Callable[[Edge], Coroutine[Any, Any, T]]) -> T:
    engine = web_engine(settings.database_address, application_name="coordinator demo")
    try:
        return await play(Edge(sessions_on(engine)))
    finally:
        await engine.dispose()
