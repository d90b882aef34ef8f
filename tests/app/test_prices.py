"""What documents of the product's own schema cost: its own pages pass, hostile ones do not."""

import pytest

from app.graphql import RequestRefused
from app.graphql.documents import Documents
from app.prices import LIMITS, LIST_SIZES, WEIGHTS, weight
from schema.schema import schema

DOCUMENTS = Documents(schema._schema, limits=LIMITS, introspection=True, weight=weight)

COURSE = """id title department { name } instructors { displayName } segmentLimit
  coordinators(first: 20) { totalCount nodes { isDirect member { displayName email }
    sources { kind since segment { name kind } } } }
  roleConflicts { member { displayName } sources { kind segment { name } } }
  segments { place segment { name memberCount } } freshness { isCurrent asOfEvent }"""

ORDINARY = {
    "my courses": f"{{ coursesIManage(first: 50) {{ totalCount nodes {{ {COURSE} }} }} }}",
    "courses with edges": f"{{ courses(first: 50) {{ edges {{ node {{ {COURSE} }} }} }} }}",
    "people": "{ members(first: 100) { totalCount nodes { displayName email attributes } } }",
    "segments": """{ segments(first: 100) { nodes { name ruleText courses { title }
      members(first: 20) { totalCount nodes { displayName } } } } }""",
    "catalog": "{ permissionCatalog { coordinate anyOf } }",
    "rights": """{ viewer { roles { principal } can(operations: [ADD_MEMBER]) { isAllowed } } }""",
    "why": """query ($c: ID!) { explainMembership(courseId: $c) { summary segments { name sentences
      clauses { text isTrue } cause { verb } } } }""",
}

ALIASES = " ".join(f"a{n}: can(operations: [ADD_MEMBER]) {{ isAllowed }}" for n in range(30))
HOSTILE = {
    "lists of lists": "{ segments(first: 100) { nodes { members(first: 100) { nodes { id } } } } }",
    "everybody of everything": """{ courses(first: 100) { nodes { coordinators(first: 100) {
      nodes { member { id } } } } } }""",
    "in a circle": """{ courses(first: 50) { nodes { segments { segment { courses {
      segments { segment { name } } } } } } } }""",
    "aliases": f"{{ viewer {{ {ALIASES} }} }}",
}


def price(document: str) -> int:
    return DOCUMENTS.choose(DOCUMENTS.prepare(document), None, {}).cost


@pytest.mark.parametrize("name", ORDINARY)
def test_a_page_of_the_product_is_answered(name: str) -> None:
    assert price(ORDINARY[name]) <= LIMITS.cost


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_built_to_be_dear_is_refused(name: str) -> None:
    with pytest.raises(RequestRefused, match="points of cost"):
        price(HOSTILE[name])


def test_the_dearest_page_of_the_product_uses_most_of_what_is_allowed() -> None:
    assert 7_000 <= price(ORDINARY["my courses"]) <= 8_000


@pytest.mark.parametrize("coordinate", [*LIST_SIZES, *(".".join(each) for each in WEIGHTS)])
def test_what_is_priced_exists(coordinate: str) -> None:
    type_name, field = coordinate.split(".")

    assert field in schema._schema.type_map[type_name].fields  # type: ignore[attr-defined]
