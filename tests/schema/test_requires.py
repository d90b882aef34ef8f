"""One declaration, four places: the directive, the description, the catalog, the refusal."""

from typing import Any

import pytest
import strawberry

from access.permissions import Condition, Permission, Scope
from resolvers.catalog import BadDeclaration
from resolvers.permissions import catalog
from schema.requires import (
    INHERITED,
    PUBLIC,
    SIGNED_IN,
    Right,
    any_of,
    column,
    done_by,
    guarded,
    guarded_type,
    resolved_by,
    streamed_by,
    undeclared,
)
from tests.resolvers.small_schema import small_schema


def answer() -> int | None:
    return 1


def query_of(**fields: Any) -> strawberry.Schema:
    annotations = dict.fromkeys(fields, int | None)
    query = type("Query", (), {"__annotations__": annotations, **fields})
    return strawberry.Schema(query=strawberry.type(query))


def test_the_directives_are_defined_word_for_word() -> None:
    sdl = small_schema().as_str()

    assert (
        "directive @requires(anyOf: [[Permission!]!]!, scope: Scope!, when: Condition)"
        " on FIELD_DEFINITION | OBJECT\n"
    ) in sdl
    assert "directive @public on FIELD_DEFINITION | OBJECT\n" in sdl
    assert "directive @orSelf on FIELD_DEFINITION | OBJECT\n" in sdl


@pytest.mark.spec("G2")
@pytest.mark.parametrize(
    ("right", "printed", "sentence"),
    [
        (PUBLIC, "@public", "Open to anyone."),
        (SIGNED_IN, "@requires(anyOf: [[]], scope: WORKSPACE)", "Requires being signed in."),
        (
            any_of(Permission.VIEW_BILLING),
            "@requires(anyOf: [[VIEW_BILLING]], scope: WORKSPACE)",
            "Requires VIEW_BILLING on the workspace.",
        ),
        (
            any_of(Permission.ADD_MEMBER, Permission.VIEW_BILLING).or_self(),
            "@requires(anyOf: [[ADD_MEMBER], [VIEW_BILLING]], scope: WORKSPACE) @orSelf",
            "Requires ADD_MEMBER or VIEW_BILLING on the workspace, unless it is about oneself.",
        ),
        (
            any_of((Permission.ASSIGN_INSTRUCTOR, Permission.ATTACH_SEGMENT)).by_rows(),
            (
                "@requires(anyOf: [[ASSIGN_INSTRUCTOR, ATTACH_SEGMENT]], scope: COURSE,"
                " when: SEGMENT_IS_USABLE)"
            ),
            (
                "Requires ASSIGN_INSTRUCTOR and ATTACH_SEGMENT on the course. Some roles have it"
                " only with segments marked usable by department managers."
            ),
        ),
    ],
    ids=["public", "signed in", "one permission", "either, or oneself", "both, under a condition"],
)
def test_a_field_prints_its_right_and_says_it_in_its_description(
    right: Right, printed: str, sentence: str
) -> None:
    schema = guarded(query_of(x=resolved_by(answer, requires=right, description="A number.")))

    assert f"  x: Int {printed}\n" in schema.as_str()
    [entry] = catalog(schema._schema)
    assert entry.sentence == sentence
    field = schema._schema.type_map["Query"].fields["x"]  # type: ignore[attr-defined]
    assert field.description == f"A number.\n\n{sentence}"


def test_the_catalog_knows_every_field_and_what_it_asks_for() -> None:
    entries = {each.coordinate: each for each in catalog(small_schema()._schema)}

    assert list(entries) == sorted(entries)
    assert entries["CourseOf.title"].sentence == "Requires VIEW_COURSE_INFO on the course."
    insights = entries["CourseOf.insightCount"]
    assert insights.any_of == ((Permission.VIEW_QUIZ_INSIGHTS,),)
    assert (insights.scope, insights.when) == (Scope.COURSE, Condition.COURSE_IS_ACTIVE)
    assert insights.conditions == (Condition.COURSE_IS_ACTIVE,)
    assert (entries["Query.certificate"].is_public, entries["Query.certificate"].any_of) == (
        True,
        (),
    )
    assert entries["Person.email"].allows_self
    assert not any(coordinate.startswith("__") for coordinate in entries)


def test_a_field_for_which_nobody_said_who_may_look_is_found_and_not_served() -> None:
    @strawberry.type
    class Loose:
        a: int
        b: int | None = strawberry.field(description="A number.")
        c: int | None = column("c", requires=INHERITED, description="Of a type without a guard.")
        d: int | None = column("d", requires=PUBLIC, description="Said.")

    @strawberry.type
    class Query:
        loose: Loose | None = resolved_by(answer, requires=SIGNED_IN, description="X.")

    schema = strawberry.Schema(query=Query)

    assert undeclared(schema) == ["Loose.a", "Loose.b", "Loose.c"]
    with pytest.raises(BadDeclaration, match=r"Loose\.a says no right"):
        guarded(schema)


def test_a_guard_does_not_pass_from_a_type_to_what_derives_from_it() -> None:
    @guarded_type(requires=SIGNED_IN, description="Guarded.")
    class Base:
        a: int

    @strawberry.type
    class Derived(Base):
        b: int

    @strawberry.type
    class Query:
        derived: Derived | None = resolved_by(answer, requires=SIGNED_IN, description="X.")

    assert undeclared(strawberry.Schema(query=Query)) == ["Derived.a", "Derived.b"]


def test_a_guarded_field_that_is_not_nullable_is_not_served() -> None:
    @strawberry.type
    class Query:
        count: int = resolved_by(answer, requires=Permission.VIEW_BILLING, description="X.")

    with pytest.raises(BadDeclaration, match=r"Query\.count is guarded and non-null"):
        guarded(strawberry.Schema(query=Query))


@pytest.mark.parametrize("permission", [Permission.VIEW_COURSE_INFO, Permission.CREATE_COURSE])
def test_the_root_cannot_be_asked_what_only_a_course_or_department_can_answer(
    permission: Permission,
) -> None:
    asked_of_root = query_of(x=resolved_by(answer, requires=permission, description="X."))
    by_rows = any_of(permission).by_rows()

    with pytest.raises(BadDeclaration, match="the root is a workspace"):
        guarded(asked_of_root)
    guarded(query_of(x=resolved_by(answer, requires=by_rows, description="X.")))


def test_a_root_type_with_a_guard_of_its_own_gives_it_to_its_plain_fields() -> None:
    @guarded_type(requires=Permission.VIEW_BILLING, description="All about money.")
    class Query:
        @strawberry.field
        def paid(self) -> int | None:
            return 42

    schema = guarded(strawberry.Schema(query=Query))

    class Stranger:
        caller = None

    refused = schema.execute_sync("{ paid }", context_value=Stranger())
    assert refused.data == {"paid": None}
    assert (refused.errors or [])[0].extensions == {
        "code": "UNAUTHENTICATED",
        "coordinate": "Query.paid",
    }


def test_the_helpers_have_no_default_right() -> None:
    helpers: list[Any] = [resolved_by, done_by, streamed_by, column]
    for helper in helpers:
        with pytest.raises(TypeError, match="requires"):
            helper(answer, description="X.")
    with pytest.raises(TypeError, match="requires"):
        guarded_type(description="X.")  # type: ignore[call-arg]
