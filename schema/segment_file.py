"""Segments as a file."""

from access.permissions import Permission
from operations.segment_files.planning import Action
from resolvers import segment_files as answered
from resolvers.answers import Answer
from schema.payloads import Payload
from schema.refusal import FileProblem
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded_type,
    resolved_by,
)
from schema.scalars import JSON

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=SIGNED_IN,
    description="One thing that applying a file does.",
    rows=answered.FileStep,
)
class SegmentFileStep:
    action: Action
    segment_name: str
    course_title: str | None = column(
        "course_title", requires=INHERITED, description="Of ATTACH, DETACH and CHANGE_MODE."
    )
    line: int | None = column(
        "line", requires=INHERITED, description="The line of the file it comes from."
    )
    before: JSON = column("before", requires=INHERITED, description="What differs, as it was.")
    after: JSON = column("after", requires=INHERITED, description="What differs, as it will be.")
    sentences: list[str] = column(
        "sentences", requires=INHERITED, description="What differs between two rules, in words."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What applying a file would do, in this order, or everything wrong with it.",
    rows=answered.SegmentFilePlan,
)
class SegmentFilePlan:
    based_on: str | None = column(
        "based_on",
        requires=INHERITED,
        description="Give it to `applySegments`; null where there are problems.",
    )
    steps: list[SegmentFileStep]
    problems: list[FileProblem]


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be asked.")
class SegmentFileQuery:
    export_segments: str | None = resolved_by(
        answered.export_segments,
        requires=any_of(MANAGE).by_operation(),
        description="All segments and what they are attached to, as one TOML file.",
    )
    plan_segments: SegmentFilePlan | None = resolved_by(
        answered.plan_segments,
        requires=any_of(MANAGE).by_operation(),
        description="What applying such a file would do; it writes nothing. With `prune`, segments"
        " that the file does not name go.",
    )


@guarded_type(requires=SIGNED_IN, description="A file of segments was applied.", rows=Answer)
class SegmentFilePayload(Payload):
    steps: list[SegmentFileStep] = resolved_by(
        answered.steps, requires=SIGNED_IN, description="What was done, in this order."
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be done.")
class SegmentFileMutation:
    apply_segments: SegmentFilePayload | None = done_by(
        answered.apply_segments,
        requires=MANAGE,
        description="Do exactly what the plan named by `basedOn` says, all of it or nothing;"
        " PLAN_OUTDATED where that is no longer what leads to the file.",
    )
