"""The typed parts of refusals."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry

from models.coordinators import CourseRoleKind
from models.people import Member
from operations.content.problems import Problem, ProblemKind
from operations.coordinators import Held, OnConflict
from operations.segment_files.wanted import FileProblem
from resolvers.context import Context
from resolvers.ids import decode, encode
from resolvers.rows import members_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class ConflictingPerson:
    """Someone named by a role conflict; held None: both roles were asked for at once."""

    member_id: int
    held: Held | None
    wanted: CourseRoleKind | None


@dataclass(frozen=True, slots=True)
class CourseInTheWay:
    """A course that stands in the way."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class SegmentInTheWay:
    """A segment that stands in the way."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """One problem of a rule: JSON pointer into a document, or offsets into a text."""

    code: str
    message: str
    path: str | None
    start: int | None
    end: int | None


def conflicts(root: Parent) -> list[ConflictingPerson]:
    both = [ConflictingPerson(id, None, None) for id in root.details.get("overlap", ())]
    return both + [
        ConflictingPerson(each["memberId"], Held(each["held"]), CourseRoleKind(each["wanted"]))
        for each in root.details.get("conflicts", ())
    ]


def choices(root: Parent) -> list[OnConflict]:
    return [OnConflict(each) for each in root.details.get("choices", ())]


def limit(root: Parent) -> int | None:
    return _number(root.details.get("limit"))


def count(root: Parent) -> int | None:
    return _number(root.details.get("count", root.details.get("actual")))


def courses(root: Parent) -> Sequence[CourseInTheWay]:
    named = root.details.get("courses", ())
    return [CourseInTheWay(encode("Course", each["id"]), each["title"]) for each in named]


def segments(root: Parent) -> Sequence[SegmentInTheWay]:
    named = root.details.get("segments", ())
    return [SegmentInTheWay(encode("Segment", each["id"]), each["name"]) for each in named]


async def strangers(root: Parent, info: Info) -> list[Member]:
    named = [decode(each) for each in root.details.get("memberIds", ())]
    loading = (info.context.load(members_by_id, each.number) for each in named if each)
    return [each for each in await asyncio.gather(*loading) if each is not None]


def problems(root: Parent) -> Sequence[RuleProblem]:
    return problems_in(root.details)


def file_problems(root: Parent) -> Sequence[FileProblem]:
    return [FileProblem(**each) for each in root.details.get("problems", ())]


def problems_in(details: Mapping[str, Any]) -> Sequence[RuleProblem]:
    """The problems a refused rule has."""
    return [RuleProblem(**each) for each in details.get("problems", ())]


def content_problems(root: Parent) -> Sequence[Problem]:
    return [
        Problem(**(each | {"kind": ProblemKind(each["kind"])}))
        for each in root.details.get("problems", ())
    ]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
