"""The pass that prices a document, against a naive one, and its place in the cache."""

from collections.abc import Mapping

import pytest
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, build_schema, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from app.graphql import Limits, RequestRefused
from app.graphql.cost import Measurement, Tally
from app.graphql.documents import Documents
from app.graphql.pricing import Pricing, Weight

SDL = """
type Query { courses(first: Int = 20, after: String): CourseConnection!  course: Course
             tags: [String!]!  everyone: [User!]!  nodes(ids: [ID!]!): [Course]! }
type CourseConnection { edges: [CourseEdge!]!  pageInfo: PageInfo!  totalCount: Int! }
type CourseEdge { node: Course!  cursor: String! }
type PageInfo { hasNextPage: Boolean! }
type Course { title: String!  people(first: Int, last: Int): UserConnection!  owner: User! }
type UserConnection { nodes: [User!]! }
type User { name: String!  courses: [Course!]! }
"""


SCHEMA = build_schema(SDL)


@pytest.fixture
def schema() -> GraphQLSchema:
    return SCHEMA


def tally(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, object] | None = None,
    weight: Weight | None = None,
) -> Tally:
    document = parse(text)
    measurement = Measurement(document, Pricing(schema, Limits(), weight), variables)
    return measurement.operation(first_operation(document))


def first_operation(document: DocumentNode) -> OperationDefinitionNode:
    return next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))


@pytest.mark.spec("G10")
@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        ("__typename", 0),
        ("tags", 0),
        ("course { title }", 1),
        ("course { owner { name } }", 2),
        ("everyone { name }", 10),
        ("everyone { courses { title } }", 10 + 10 * 10),
        ("courses { totalCount }", 1),
        ("courses { edges { cursor } }", 1 + 20),
        ("courses(first: 3) { edges { node { title } } pageInfo { hasNextPage } }", 1 + 3 * 3),
        ("courses(first: 0) { edges { cursor } }", 1 + 1),
        ("courses(first: -7) { edges { cursor } }", 1 + 1),
        ("courses(first: null) { edges { cursor } }", 1 + 20),
        ("course { people { nodes { name } } }", 1 + 1 + 20),
        ("course { people(last: 5) { nodes { name } } }", 1 + 1 + 5),
        ("course { people(first: 2, last: 5) { nodes { name } } }", 1 + 1 + 5),
        ("nodes(ids: [1, 2, 3]) { title }", 3),
        ("nodes(ids: []) { title }", 1),
        ('__schema { types { name } } __type(name: "A") { name }', 0),
    ],
)
def test_a_selection_costs_its_objects_times_its_pages(
    schema: GraphQLSchema, selection: str, cost: int
) -> None:
    assert tally(schema, f"{{ {selection} }}").cost == cost


def test_variables_and_weights_are_counted_with(schema: GraphQLSchema) -> None:
    paged = "query($n: Int) { courses(first: $n) { edges { cursor } } }"
    listed = "query($ids: [ID!]!) { nodes(ids: $ids) { title } }"

    assert tally(schema, paged, {"n": 7}).cost == 1 + 7
    assert tally(schema, paged, {"n": True}).cost == tally(schema, paged).cost == 1 + 20
    assert tally(schema, listed, {"ids": ["a"] * 9}).cost == 9

    def weight(type_name: str, field_name: str) -> int | None:
        return {("Query", "course"): 50, ("Course", "title"): 3}.get((type_name, field_name))

    assert tally(schema, "{ course { title } }", weight=weight).cost == 53


def naive(selections: object, fragments: Mapping[str, tuple[object, ...]]) -> tuple[int, int, int]:
    """(fields, aliases, depth), walking into every spread again."""
    fields = aliases = depth = 0
    assert isinstance(selections, tuple)
    for kind, *rest in selections:
        if kind == "spread":
            more = naive(fragments[rest[0]], fragments)
            fields, aliases, depth = (
                fields + more[0],
                aliases + more[1],
                max(depth, more[2]),
            )
        else:
            alias, inner = rest
            below = naive(inner, fragments)
            fields, aliases = fields + 1 + below[0], aliases + bool(alias) + below[1]
            depth = max(depth, 1 + below[2])
    return fields, aliases, depth


def written(selections: object) -> str:
    parts = []
    assert isinstance(selections, tuple)
    for number, (kind, *rest) in enumerate(selections):
        if kind == "spread":
            parts.append(f"...{rest[0]}")
        else:
            alias, inner = rest
            label = f"a{number}: " if alias else ""
            parts.append(f"{label}owner {{ {written(inner)} }}" if inner else f"{label}title")
    return " ".join(parts)


FIELDS: st.SearchStrategy[tuple[object, ...]] = st.deferred(
    lambda: st.tuples(st.just("field"), st.booleans(), st.lists(FIELDS, max_size=2).map(tuple))
)


@st.composite
def trees(draw: st.DrawFn) -> tuple[tuple[object, ...], dict[str, tuple[object, ...]]]:
    """Fragments that spread only later ones, and an operation that spreads any."""
    count = draw(st.integers(0, 4))
    fragments: dict[str, tuple[object, ...]] = {}
    for number in reversed(range(count)):
        later = [f"F{each}" for each in range(number + 1, count)]
        options = [FIELDS, *([st.tuples(st.just("spread"), st.sampled_from(later))] * bool(later))]
        fragments[f"F{number}"] = tuple(draw(st.lists(st.one_of(options), min_size=1, max_size=3)))
    options = [FIELDS]
    if fragments:
        options.append(st.tuples(st.just("spread"), st.sampled_from(sorted(fragments))))
    return tuple(draw(st.lists(st.one_of(options), min_size=1, max_size=4))), fragments


@settings(max_examples=60, deadline=None)
@given(trees())
def test_the_memoised_pass_counts_what_a_naive_one_counts(
    tree: tuple[tuple[object, ...], dict[str, tuple[object, ...]]],
) -> None:
    selections, fragments = tree
    text = f"{{ {written(selections)} }} " + " ".join(
        f"fragment {name} on Course {{ {written(inner)} }}" for name, inner in fragments.items()
    )

    found = tally(SCHEMA, text)

    assert (found.fields, found.aliases, found.depth) == naive(selections, fragments)


def test_a_document_is_prepared_once(schema: GraphQLSchema) -> None:
    documents = Documents(schema, limits=Limits(), introspection=True)

    first = documents.prepare("{ course { title } }")

    assert documents.prepare("{ course { title } }") is first
    assert documents.prepare("{ course { title } } ") is not first


def test_the_cache_forgets_the_oldest_documents_and_tokens(schema: GraphQLSchema) -> None:
    few = Documents(schema, limits=Limits(cached_documents=2), introspection=True)
    small = Documents(schema, limits=Limits(cached_tokens=20), introspection=True)
    texts = [f"query Q{n} {{ course {{ title }} }}" for n in range(3)]

    for documents in (few, small):
        prepared = [documents.prepare(text) for text in texts]
        assert documents.prepare(texts[2]) is prepared[2]
        assert documents.prepare(texts[0]) is not prepared[0]


def test_a_cost_is_remembered_for_equal_sizes_and_asked_anew_for_others(
    schema: GraphQLSchema,
) -> None:
    documents = Documents(schema, limits=Limits(), introspection=True)
    prepared = documents.prepare("query($n: Int) { courses(first: $n) { edges { cursor } } }")

    costs = [documents.choose(prepared, None, {"n": n}).cost for n in (5, 5, 6, None)]

    assert costs == [6, 6, 7, 21]
    assert len(prepared.costs) == 3
    for n in range(7, 500):
        documents.choose(prepared, None, {"n": n})
    assert len(prepared.costs) == 64
    with pytest.raises(RequestRefused):
        documents.choose(prepared, None, {"n": 10**9})
