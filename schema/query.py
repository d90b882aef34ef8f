"""Everything that can be asked."""

from access.permissions import Permission
from resolvers import connections as connection_answers
from resolvers import courses as course_answers
from resolvers import members as member_answers
from resolvers import nodes as node_answers
from resolvers import segments as segment_answers
from resolvers import viewer as viewer_answers
from schema.activity import ActivityQuery
from schema.attempt import AttemptQuery
from schema.attribute import AttributeQuery
from schema.audit import AuditQuery
from schema.billing import BillingQuery
from schema.certificate import CertificateQuery
from schema.change_set import ChangeSetQuery
from schema.connection import Delivery, IdentityConnection
from schema.content import ContentQuery
from schema.course import Course
from schema.department import Department
from schema.enrolment import EnrolmentQuery
from schema.explanation import ExplanationQuery
from schema.health import HealthQuery
from schema.hold import HoldQuery
from schema.insights import InsightQuery
from schema.job import JobQuery
from schema.learner import LearnerQuery
from schema.live_session import LiveSessionQuery
from schema.member import Member
from schema.module import SEES_COURSES, ModuleQuery
from schema.node import Node
from schema.paging import Connection
from schema.people import PeopleQuery
from schema.permission import PermissionQuery
from schema.preview import PreviewQuery
from schema.quiz_insights import QuizInsightQuery
from schema.requires import PUBLIC, SIGNED_IN, any_of, guarded_type, resolved_by
from schema.segment import RuleCheck, Segment, SegmentHit
from schema.segment_file import SegmentFileQuery
from schema.segment_lint import SegmentLintQuery
from schema.segment_version import SegmentVersionQuery
from schema.submission import SubmissionQuery
from schema.token import TokenQuery
from schema.viewer import CatalogEntry, Viewer

SEES_SEGMENTS = any_of(Permission.SEARCH_SEGMENTS_TYPEAHEAD).by_rows()
SEES_PEOPLE = any_of(Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER).by_rows()


@guarded_type(requires=SIGNED_IN, description="Everything that can be asked.")
class Query(
    ChangeSetQuery,
    CertificateQuery,
    AuditQuery,
    ContentQuery,
    TokenQuery,
    BillingQuery,
    PeopleQuery,
    ActivityQuery,
    ModuleQuery,
    EnrolmentQuery,
    ExplanationQuery,
    HealthQuery,
    HoldQuery,
    JobQuery,
    LearnerQuery,
    LiveSessionQuery,
    PermissionQuery,
    PreviewQuery,
    SegmentFileQuery,
    SegmentLintQuery,
    SegmentVersionQuery,
    AttributeQuery,
    AttemptQuery,
    SubmissionQuery,
    QuizInsightQuery,
    InsightQuery,
):
    viewer: Viewer = resolved_by(
        viewer_answers.viewer, requires=SIGNED_IN, description="Who is signed in."
    )
    permission_catalog: list[CatalogEntry] = resolved_by(
        viewer_answers.permission_catalog,
        requires=PUBLIC,
        description="What every field of this schema asks for.",
    )
    node: Node | None = resolved_by(
        node_answers.node, requires=SIGNED_IN, description="Anything one may see, by its id."
    )
    nodes: list[Node | None] | None = resolved_by(
        node_answers.nodes,
        requires=SIGNED_IN,
        description="Up to 100 things, in the order of the ids.",
    )
    course: Course | None = resolved_by(
        course_answers.course, requires=SEES_COURSES, description="One course."
    )
    courses: Connection[Course] | None = resolved_by(
        course_answers.courses,
        requires=SEES_COURSES,
        description="The courses one may see, by title.",
    )
    courses_i_manage: Connection[Course] | None = resolved_by(
        course_answers.courses_i_manage,
        requires=any_of(Permission.LIST_COURSES_I_MANAGE).by_rows(),
        description="The courses one coordinates, by hand or through a segment.",
    )
    segment: Segment | None = resolved_by(
        segment_answers.segment, requires=SEES_SEGMENTS, description="One segment."
    )
    segments: Connection[Segment] | None = resolved_by(
        segment_answers.segments,
        requires=SEES_SEGMENTS,
        description="The segments one may use, by name.",
    )
    search_segments_typeahead: list[SegmentHit] | None = resolved_by(
        segment_answers.search_segments_typeahead,
        requires=SEES_SEGMENTS,
        description="At most 20 segments one may use whose name holds the text.",
    )
    check_rule: RuleCheck | None = resolved_by(
        segment_answers.check_rule,
        requires=any_of(Permission.CREATE_EDIT_SEGMENT).by_operation(),
        description="A rule as it is understood, before it is stored.",
    )
    member: Member | None = resolved_by(
        member_answers.member, requires=SEES_PEOPLE, description="One person."
    )
    members: Connection[Member] | None = resolved_by(
        member_answers.members,
        requires=SEES_PEOPLE,
        description="The people one may see, by name.",
        deprecation_reason="Use listAllMembers, or searchMembersPicker to choose somebody. "
        "It goes on 2027-05-31.",
    )
    list_all_members: Connection[Member] | None = resolved_by(
        member_answers.list_all_members,
        requires=Permission.LIST_ALL_MEMBERS,
        description="Everybody: learners, pending and deactivated people too. Narrowing by a "
        "course or a team needs the right to see who is there.",
    )
    search_members_picker: list[Member] | None = resolved_by(
        member_answers.search_members_picker,
        requires=Permission.SEARCH_MEMBERS_PICKER,
        description="At most 20 people who can be chosen, ACTIVE or PENDING; whose name begins "
        "with the text, first.",
    )
    departments: Connection[Department] | None = resolved_by(
        member_answers.departments,
        requires=SIGNED_IN,
        description="The departments one may see, by name; those alone that allow one something.",
    )
    connections: list[IdentityConnection] | None = resolved_by(
        connection_answers.identity_connections,
        requires=any_of(Permission.GRANT_WORKSPACE_MANAGER).by_operation(),
        description="The identity providers of the workspace.",
    )
    deliveries: Connection[Delivery] | None = resolved_by(
        connection_answers.deliveries,
        requires=any_of(Permission.REPLAY_IDP_EVENT).by_operation(),
        description="What identity providers delivered, newest first.",
    )
