"""Refusals as data: a code, a sentence, and what a program needs to go on."""

from typing import Any

import strawberry

from models.coordinators import CourseRoleKind
from operations.content.problems import Problem, ProblemKind
from operations.coordinators import Held, OnConflict
from operations.refusals import Code
from operations.segment_files import wanted
from resolvers import answers, done, refusing
from schema.member import Member
from schema.requires import SIGNED_IN, column, guarded_type, resolved_by
from schema.scalars import JSON


@strawberry.interface(description="Why nothing was done.")
class Refusal:
    code: Code = column("code", requires=SIGNED_IN, description="For programs.")
    message: str = column("message", requires=SIGNED_IN, description="For people.")
    path: list[str] | None = column(
        "path", requires=SIGNED_IN, description="The argument it is about, where it is one."
    )


@guarded_type(requires=SIGNED_IN, description="Someone who would hold both roles.")
class ConflictingPerson:
    held: Held | None
    wanted: CourseRoleKind | None
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")


@guarded_type(
    requires=SIGNED_IN,
    description="People would be instructor and coordinator of one course.",
    rows=answers.RoleConflict,
)
class RoleConflict(Refusal):
    conflicts: list[ConflictingPerson] = resolved_by(
        refusing.conflicts, requires=SIGNED_IN, description="Everybody concerned."
    )
    choices: list[OnConflict] = resolved_by(
        refusing.choices, requires=SIGNED_IN, description="What `onConflict` may say."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One more would be too many.",
    rows=answers.LimitReached,
)
class LimitReached(Refusal):
    limit: int | None = resolved_by(
        refusing.limit, requires=SIGNED_IN, description="How many there may be."
    )
    count: int | None = resolved_by(
        refusing.count, requires=SIGNED_IN, description="How many there are, or were asked for."
    )


@guarded_type(requires=SIGNED_IN, description="A course that stands in the way.")
class CourseInTheWay:
    id: strawberry.ID
    title: str


@guarded_type(requires=SIGNED_IN, description="A segment that stands in the way.")
class SegmentInTheWay:
    id: strawberry.ID
    name: str


@guarded_type(
    requires=SIGNED_IN,
    description="Courses, or segments, still need what would be taken away.",
    rows=answers.InUse,
)
class InUse(Refusal):
    courses: list[CourseInTheWay] = resolved_by(
        refusing.courses, requires=SIGNED_IN, description="Every one of them."
    )
    segments: list[SegmentInTheWay] = resolved_by(
        refusing.segments, requires=SIGNED_IN, description="Those that build on the segment."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="Rights on a course are only for people on the team of its department.",
    rows=answers.NotOnDepartmentTeam,
)
class NotOnDepartmentTeam(Refusal):
    members: list[Member] = resolved_by(
        refusing.strangers, requires=SIGNED_IN, description="Everybody who is not on it."
    )


@guarded_type(requires=SIGNED_IN, description="One problem of a rule, and where it stands.")
class RuleProblem:
    code: str
    message: str
    path: str | None
    start: int | None
    end: int | None


@guarded_type(
    requires=SIGNED_IN,
    description="The rule cannot be understood.",
    rows=answers.InvalidRule,
)
class InvalidRule(Refusal):
    problems: list[RuleProblem] = resolved_by(
        refusing.problems, requires=SIGNED_IN, description="All of them at once."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One thing that is wrong with content. `path` leads to it: names of fields, and"
    " places in lists, from 0.",
    rows=Problem,
)
class ContentProblem:
    kind: ProblemKind
    message: str
    path: list[str]
    limit: int | None
    actual: int | None


@guarded_type(
    requires=SIGNED_IN,
    description="The content cannot be kept, or not be published as it is.",
    rows=answers.InvalidContent,
)
class InvalidContent(Refusal):
    problems: list[ContentProblem] = resolved_by(
        refusing.content_problems, requires=SIGNED_IN, description="All of them at once."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One thing that is wrong with a file of segments. `line` is null where it is of the"
    " whole file.",
    rows=wanted.FileProblem,
)
class FileProblem:
    line: int | None
    segment: str | None
    message: str


@guarded_type(
    requires=SIGNED_IN,
    description="The file cannot be applied.",
    rows=answers.InvalidFile,
)
class InvalidFile(Refusal):
    problems: list[FileProblem] = resolved_by(
        refusing.file_problems, requires=SIGNED_IN, description="All of them at once."
    )


@guarded_type(requires=SIGNED_IN, description="Every other refusal.", rows=answers.PlainRefusal)
class PlainRefusal(Refusal):
    details: JSON = column("details", requires=SIGNED_IN, description="What else is known.")


KINDS: tuple[Any, ...] = (
    RoleConflict,
    LimitReached,
    InUse,
    NotOnDepartmentTeam,
    InvalidRule,
    InvalidFile,
    InvalidContent,
    PlainRefusal,
)
