"""What a change of a segment would do."""

from access.permissions import Permission
from operations.preview.previewing import SegmentPreview as Previewed
from resolvers import done
from resolvers import preview as answered
from schema.course import SOURCES, CoordinatorSource, Course
from schema.member import Member
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by

SOME = "by course; at most 100"


@guarded_type(
    requires=SIGNED_IN,
    description="What the change does on one course. `used` of `most` places for segments would"
    " then be taken; one more than there are is refused. Whoever loses the role stays coordinator"
    " for `graceDays`.",
    rows=answered.CourseChange,
)
class PreviewedCourse:
    title: str
    gain_count: int
    loss_count: int
    kept_count: int
    conflict_count: int
    invitation_count: int
    is_emptied: bool
    grace_days: int
    used: int
    most: int
    is_refused: bool
    course: Course | None = resolved_by(
        answered.course, requires=SIGNED_IN, description="The course, if one sees it."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One person on one course.",
    rows=answered.CoordinatorChange,
)
class PreviewedCoordinator:
    course: Course | None = resolved_by(
        answered.course, requires=SIGNED_IN, description="The course, if one sees it."
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")


@guarded_type(
    requires=SIGNED_IN,
    description="One person on one course who would lose the role, did nothing else give it.",
    rows=answered.KeptCoordinator,
)
class KeptCoordinator:
    course: Course | None = resolved_by(
        answered.course, requires=SIGNED_IN, description="The course, if one sees it."
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")
    sources: list[CoordinatorSource] | None = resolved_by(
        answered.other_sources,
        requires=SOURCES,
        description="What else makes the person coordinator there now.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="How many people have no value of an attribute.",
    rows=answered.WithoutValue,
)
class WithoutValue:
    attribute: str
    people: int


@guarded_type(
    requires=SIGNED_IN,
    description="What a change would do once the engine has caught up with it. Counts are exact;"
    " lists name at most 100.",
    rows=Previewed,
)
class SegmentPreview:
    based_on: str = resolved_by(
        answered.based_on,
        requires=SIGNED_IN,
        description="Give it as `basedOn` to have the change done only while this stands.",
    )
    is_settled: bool = column(
        "is_settled",
        requires=INHERITED,
        description="False: the engine still has to do something else, which may move people.",
    )
    before: int = column("before", requires=INHERITED, description="People in the segment now.")
    after: int = column("after", requires=INHERITED, description="People in it afterwards.")
    waiting_count: int = column(
        "waiting_count",
        requires=INHERITED,
        description="So many removals, from it and from segments that build on it, would not be"
        " done until a manager of the workspace has approved them; all else is told as it is once"
        " they are. Where people’s numbers lie in several blocks of 4,096, one of which is looked"
        " at after the other, it is at most as many: what fits the limit goes first.",
    )
    people: int | None = column(
        "people", requires=INHERITED, description="Of how many people the rule was asked."
    )
    without_value: list[WithoutValue] = resolved_by(
        answered.without_value,
        requires=SIGNED_IN,
        description="For each attribute the rule names.",
    )
    course_count: int = resolved_by(
        answered.course_count, requires=SIGNED_IN, description="Courses the segment is on."
    )
    emptied_count: int = resolved_by(
        answered.emptied_count,
        requires=SIGNED_IN,
        description="Courses that would be left without a coordinator, or with none but those whose"
        " role is ending.",
    )
    gain_count: int = column(
        "gain_count", requires=INHERITED, description="Coordinator roles gained."
    )
    loss_count: int = column(
        "loss_count", requires=INHERITED, description="Coordinator roles lost."
    )
    kept_count: int = column(
        "kept_count",
        requires=INHERITED,
        description="Roles that would be lost, did nothing else give them.",
    )
    conflict_count: int = column(
        "conflict_count",
        requires=INHERITED,
        description="Roles that would be gained, were those people not instructors there.",
    )
    invitation_count: int = resolved_by(
        answered.invitation_count,
        requires=SIGNED_IN,
        description="People without an account who would be invited.",
    )
    courses: list[PreviewedCourse] = resolved_by(
        answered.courses,
        requires=SIGNED_IN,
        description="Those left without a coordinator, then those where most happens.",
    )
    gains: list[PreviewedCoordinator] = resolved_by(
        answered.gains, requires=SIGNED_IN, description=f"Who gains which course, {SOME}."
    )
    losses: list[PreviewedCoordinator] = resolved_by(
        answered.losses, requires=SIGNED_IN, description=f"Who loses which course, {SOME}."
    )
    kept: list[KeptCoordinator] = resolved_by(
        answered.kept, requires=SIGNED_IN, description=f"Who keeps which course, {SOME}."
    )
    conflicts: list[PreviewedCoordinator] = resolved_by(
        answered.conflicts, requires=SIGNED_IN, description=f"Who stays instructor, {SOME}."
    )
    invitations: list[Member] = resolved_by(
        answered.invitations, requires=SIGNED_IN, description="Who would be invited; at most 100."
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be asked.")
class PreviewQuery:
    preview_segment_change: SegmentPreview | None = resolved_by(
        answered.preview_segment_change,
        requires=any_of(Permission.PREVIEW_SEGMENT_CHANGE).by_operation(),
        description="What a change of a segment would do, before it is done; it writes nothing."
        " CREATE and EDIT_RULE take a rule, CREATE, ATTACH, DETACH and"
        " CHANGE_MODE a course, and the last the mode that would begin.",
    )
