"""What is odd about rules of segments."""

from access.permissions import Permission
from operations import linting
from operations.linting import SegmentLintKind
from resolvers import segment_lint as answered
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON
from schema.segment import Segment

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=SIGNED_IN,
    description="One finding: about a part of the rule, or about another segment.",
    rows=linting.SegmentLint,
)
class SegmentLint:
    kind: SegmentLintKind
    message: str
    path: str | None = column(
        "path", requires=INHERITED, description="A JSON pointer to the part of the rule."
    )
    start: int | None = column(
        "start", requires=INHERITED, description="Where it begins in `text`, in characters."
    )
    end: int | None = column("end", requires=INHERITED, description="Where it ends, not included.")
    because: list[str] = column(
        "because", requires=INHERITED, description="The parts that decide it, where it has several."
    )
    segment: Segment | None = resolved_by(
        answered.other_segment, requires=SIGNED_IN, description="The other segment."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="A rule, looked at. What is said to be never or always true is proven.",
    rows=linting.LintedSegment,
)
class LintedRule:
    text: str = column(
        "text", requires=INHERITED, description="As it was given, or as it is written."
    )
    document: JSON = column("document", requires=INHERITED, description="The rule as JSON.")
    findings: list[SegmentLint]
    is_never_true: bool
    is_always_true: bool
    is_complete: bool = column(
        "is_complete",
        requires=INHERITED,
        description="False: the rule is so tangled that something may have been missed.",
    )
    people: int = column("people", requires=INHERITED, description="How many people there are.")
    examined: int = column(
        "examined",
        requires=INHERITED,
        description="How many of them its most selective equalities leave to look at.",
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be asked.")
class SegmentLintQuery:
    lint_segment: LintedRule | None = resolved_by(
        answered.lint_segment,
        requires=any_of(MANAGE).by_operation(),
        description="What is odd about a rule, or about that of a segment: clauses that decide"
        " nothing, values nobody has, segments that are the same, cost.",
    )
