"""What is odd about a rule, or about that of a segment."""

from typing import Any

import strawberry

from models.segments import Segment
from operations import linting
from operations.linting import LintedSegment
from operations.refusals import Code, Refused
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.rows import visible_segments_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def lint_segment(
    info: Info,
    *,
    segment_id: strawberry.ID | None = None,
    rule_text: str | None = None,
    rule: strawberry.scalars.JSON | None = None,
    at_least: Cursor | None = None,
) -> LintedSegment:
    await positions.at_least(info.context, at_least)
    said: Any = rule if rule_text is None else rule_text
    if rule_text is not None and rule is not None:
        raise Refused(Code.BAD_USER_INPUT, "Give the rule as ruleText or as rule, not both.")
    number = None if segment_id is None else number_of(segment_id, "Segment")
    async with info.context.read() as db:
        return await linting.lint(db, by=info.context.signed_in, rule=said, segment_id=number)


async def other_segment(root: Parent, info: Info) -> Segment | None:
    if root.segment_id is None:
        return None
    return await info.context.load(visible_segments_by_id, root.segment_id)
