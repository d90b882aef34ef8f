"""Segments as a file: exported, planned, applied."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.segment_files import applying
from operations.segment_files.planning import Action, FilePlan, Step
from operations.segment_files.wanted import FileProblem
from resolvers import positions
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class FileStep:
    """One thing that applying a file does."""

    action: Action
    segment_name: str
    course_title: str | None
    line: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class SegmentFilePlan:
    """What applying a file would do, or what is wrong with it; `based_on` names it."""

    based_on: str | None
    steps: Sequence[FileStep]
    problems: Sequence[FileProblem]


async def export_segments(info: Info, *, at_least: Cursor | None = None) -> str:
    await positions.at_least(info.context, at_least)
    async with info.context.read() as db:
        return await applying.export(db, by=info.context.signed_in)


async def plan_segments(
    info: Info, *, document: str, prune: bool = False, at_least: Cursor | None = None
) -> SegmentFilePlan:
    await positions.at_least(info.context, at_least)
    async with info.context.read() as db:
        found = await applying.plan(db, by=info.context.signed_in, document=document, prune=prune)
    return SegmentFilePlan(
        None if found.problems else found.based_on,
        [FileStep(**each) for each in _told(found)],
        found.problems,
    )


async def apply_segments(
    info: Info,
    *,
    document: str,
    based_on: str,
    prune: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        found = await applying.apply(
            db,
            by=caller,
            document=document,
            based_on=based_on,
            at=dt.datetime.now(dt.UTC),
            prune=prune,
        )
        return {"file_steps": _told(found)}

    return await answer(info, operation)


def steps(root: Parent) -> list[FileStep]:
    return [FileStep(**{**each, "action": Action(each["action"])}) for each in root.file_steps]


def _told(found: FilePlan) -> list[dict[str, Any]]:
    return [_step(each) for each in found.steps]


def _step(step: Step) -> dict[str, Any]:
    return {
        "action": step.action,
        "segment_name": step.segment,
        "course_title": step.course,
        "line": step.line,
        "before": step.before,
        "after": step.after,
        "sentences": list(step.sentences),
    }
