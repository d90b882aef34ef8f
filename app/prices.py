"""What documents of this product's schema cost, for the cost pass.

A point is an object to be found and shown. The dearest page the product itself asks for, 50
courses with 20 coordinators each and every reason for each, costs 7,000 to 8,000; the bound is
above that and below a hundred lists of a hundred rows.
"""

from collections.abc import Mapping
from typing import Final

from app.graphql.limits import Limits

LIST_SIZES: Final[Mapping[str, int]] = {
    "ActiveMembersReport.months": 12,
    "AddMemberPayload.results": 50,
    "Answer.grades": 2,
    "AttributeSchemaPayload.attributes": 30,
    "CertificatePreview.signatures": 2,
    "CertificateTemplate.signatures": 2,
    "CertificateTemplate.variables": 8,
    "Coordinator.sources": 2,
    "Course.allowedActions": 37,
    "Course.instructors": 3,
    "Course.roleConflicts": 2,
    "Course.segments": 5,
    "CourseInsights.pictures": 4,
    "Department.allowedActions": 3,
    "EngineHealth.lanes": 5,
    "Learner.certificates": 2,
    "Member.allowedActions": 6,
    "MemberPayload.changed": 20,
    "Module.allowedActions": 4,
    "Query.attributes": 30,
    "Query.permissionCatalog": 300,
    "Query.searchMembersPicker": 20,
    "Query.searchSegmentsTypeahead": 20,
    "QuizInsights.pictures": 3,
    "SegmentReason.clauses": 20,
    "Submission.answers": 15,
    "SuppressedCoordinator.sources": 2,
    "Viewer.workspaces": 3,
    "Workspace.allowedActions": 24,
}
"""How long the lists without a page size usually are; the other ones count as ten."""

WEIGHTS: Final[Mapping[tuple[str, str], int]] = {
    ("CourseInsights", "pictures"): 100,
    ("Query", "coordinatorTimeline"): 50,
    ("Query", "explainMembership"): 50,
    ("Query", "explainPermission"): 50,
    ("Query", "health"): 50,
    ("QuizInsights", "pictures"): 100,
    ("Viewer", "can"): 50,
}
"""Points of fields that are dearer than what they show."""

LIMITS: Final = Limits(cost=10_000, list_sizes=LIST_SIZES)


def weight(type_name: str, field_name: str) -> int | None:
    """Points per object of this field; None: the default of the cost pass."""
    return WEIGHTS.get((type_name, field_name))
