"""What is asked costs no more statements however many rows there are (fewer, where what waits
happens to be read together): every connection and every list of the schema, with all fields of its
rows and of what hangs on them (G6)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type
from sqlalchemy import Engine

from schema.schema import schema
from tests.engine import run_until_idle
from tests.proof.asking_here import Here
from tests.proof.fields import Fields
from tests.proof.growing import grow
from tests.proof.town import Town
from tests.proof.walking import FEW, FLAT, PAGE, is_wrapper
from tests.resolvers.test_every_field_every_principal import APART

pytestmark = pytest.mark.timeout(180)

WHO = "workspace_manager"

GROWS_BY_ITSELF = "viewAuditLog"
"""Newest first: what makes more rows also changes what its first page is about. Its statements
are counted where the log is tested."""


RIGHTS = "WITH granted AS"
"""Rights are read in one statement for all that waits for them. Rows that are reached along two
ways may wait at two times; so these statements are bounded by the fields that are asked for, not
equal."""

SHORT = {
    **dict.fromkeys(
        (
            "ActiveMembersReport.months",
            "CourseInsights.pictures",
            "Department.allowedActions",
            "ImportRow.cells",
            "Learner.allowedActions",
            "LearnerGroup.allowedActions",
            "Member.allowedActions",
            "Module.allowedActions",
            "PermissionExplanation.roles",
            "PermissionExplanation.ways",
            "Query.nodes",
            "QuizInsights.pictures",
            "LintedRule.findings",
            "SegmentFilePlan.problems",
            "SegmentFilePlan.steps",
            "SegmentReason.clauses",
            "SegmentVersionComparison.differences",
            "SegmentPreview.withoutValue",
            "Viewer.can",
        ),
        "as long as the question: months, operations, roles, clauses, ids, lines and titles of a"
        " file, kinds of pictures",
    ),
    **dict.fromkeys(
        (
            "Billing.contacts",
            "ChangeSet.segments",
            "Coordinator.sources",
            "Course.segments",
            "EngineHealth.lanes",
            "Learner.dueDateChanges",
            "KeptCoordinator.sources",
            "Learner.enrolments",
            "MembershipExplanation.segments",
            "Query.connections",
            "Query.searchSegmentsTypeahead",
            "Segment.buildsOn",
            "Segment.usedBy",
            "SuppressedCoordinator.sources",
            "UnassignedLearner.ended",
            "UnassignedLearner.remaining",
            "Viewer.roles",
            "Viewer.workspaces",
        ),
        "short by nature: as many as segments on a course, or in a rule, lanes, people in"
        " finance, providers, own rights, reasons to learn",
    ),
    **dict.fromkeys(
        (
            "AnswerShares.shown",
            "CourseInsights.byDepartment",
            "CourseInsights.byGroup",
            "QuizInsights.questions",
            "QuizScores.distribution",
            "SegmentPreview.conflicts",
            "SegmentPreview.courses",
            "SegmentPreview.gains",
            "SegmentPreview.invitations",
            "SegmentPreview.kept",
            "SegmentPreview.losses",
        ),
        "parts of figures that are read as a whole: their tests grow what they are of",
    ),
    **dict.fromkeys(
        (
            "CertificatePreview.signatures",
            "CertificateTemplate.signatures",
            "CertificateTemplate.variables",
            "ContentComparison.changes",
            "ContentComparison.questions",
            "GradebookRow.cells",
            "ModuleDraft.problems",
            "Question.choices",
            "QuestionChange.changes",
            "QuizContent.questions",
            "Submission.answers",
        ),
        "parts of one document that is read as a whole: as many as a quiz has questions",
    ),
}
"""Lists that do not become long in the test, and why."""


async def costs(town: Town, statements: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Statements for each document that shows all there is, and how long each list in it was."""
    fields = Fields(schema._schema, town, deepest=FLAT)
    spent: dict[str, int] = {}
    lengths: dict[str, int] = {}
    for name, document in fields.documents.items():
        if not name.endswith(" 0") or name.startswith(GROWS_BY_ITSELF):
            continue
        statements.clear()
        page = PAGE if PAGE in document.text else FEW
        text = document.text.replace(page, "first: 50", 1)
        answer = await Here(town)(WHO, text, document.given)
        rights = sum(each.lstrip().startswith(RIGHTS) for each in statements)
        assert rights <= text.count("{"), f"{name} reads rights {rights} times"
        spent[name] = len(statements) - rights
        for coordinate, length in lists_in(answer.get("data")):
            lengths[coordinate] = max(length, lengths.get(coordinate, 0))
    return spent, lengths


def lists_in(value: Any) -> Iterator[tuple[str, int]]:
    if isinstance(value, list):
        for each in value:
            yield from lists_in(each)
    elif isinstance(value, dict):
        for key, below in value.items():
            if isinstance(below, list):
                yield key.replace("_", ".", 1), len(below)
            yield from lists_in(below)


def lists_of_objects() -> set[str]:
    """Every plain list of objects; pages, what mutations answer, and refusals apart."""
    found = set()
    for name, kind in schema._schema.type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            if is_wrapper(kind) or name in APART.keys() - {"Query"}:
                continue
            for field, declared in kind.fields.items():
                bare = declared.type
                bare = bare.of_type if isinstance(bare, GraphQLNonNull) else bare
                if isinstance(bare, GraphQLList) and not is_leaf_type(get_named_type(bare)):
                    found.add(f"{name}.{field}")
    return found


async def test_fifty_times_as_many_rows_take_no_more_statements(
    town: Town,
    sync_database: Engine,
    statements: list[str],
    record_property: Callable[[str, object], None],
) -> None:
    await grow(town, "a", times=2)
    run_until_idle(sync_database)
    few, _ = await costs(town, statements)
    await grow(town, "b", times=50, already=2)
    run_until_idle(sync_database)

    many, lengths = await costs(town, statements)

    grown = {each for each, length in lengths.items() if length >= 20}
    record_property("documents that cost no more for 50 rows than for few", len(few))
    record_property("lists in them that were 20 to 50 rows long", len(grown))
    assert {name: (few[name], many[name]) for name in few if few[name] < many[name]} == {}
    assert lists_of_objects() - grown == SHORT.keys()
