"""Clauses about segments: every evaluator agrees with sets of ids, and text and JSON with names."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync_engine.rules import (
    MEMBER_OF,
    STANDARD_ATTRIBUTES,
    Related,
    RuleIndex,
    compile,
    difference,
    explain,
    format,
    from_document,
    is_attribute_name,
    lint_rule,
    matches,
    mentioned,
    parse,
    related_ids,
    to_document,
)
from sync_engine.rules.forms import form_of
from sync_engine.rules.relations import id_from
from tests.ground import TODAY

NAMES = {1: "Crew", 2: 'With "quotes" and \\', 3: "12", 4: "memberOf has 1", 5: "Ärzte\n"}
RELATED = Related(NAMES)

IDS = st.sampled_from(sorted(NAMES))
CLAUSES = st.one_of(
    st.builds(lambda id: {"attr": MEMBER_OF, "op": "has", "value": id}, IDS),
    st.builds(
        lambda op, ids: {"attr": MEMBER_OF, "op": op, "value": ids},
        st.sampled_from(["hasAny", "hasAll", "hasNone"]),
        st.lists(IDS, min_size=1, max_size=3),
    ),
    st.just({"attr": "city", "op": "eq", "value": "Oslo"}),
)


def grouped(rules: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    groups = st.lists(rules, min_size=1, max_size=3)
    return st.one_of(
        groups.map(lambda members: {"all": members}),
        groups.map(lambda members: {"any": members}),
        rules.map(lambda inner: {"not": inner}),
    )


DOCUMENTS = st.recursive(CLAUSES, grouped, max_leaves=6)


def holds(document: Any, within: set[int], city: str | None) -> bool:
    match document:
        case {"all": rules}:
            return all(holds(each, within, city) for each in rules)
        case {"any": rules}:
            return any(holds(each, within, city) for each in rules)
        case {"not": inner}:
            return not holds(inner, within, city)
        case {"op": "has", "value": id}:
            return id in within
        case {"op": "hasAny", "value": ids}:
            return bool(within & set(ids))
        case {"op": "hasAll", "value": ids}:
            return within >= set(ids)
        case {"op": "hasNone", "value": ids}:
            return not within & set(ids)
        case _:
            return city == "Oslo"


def ids_in(document: Any) -> set[int]:
    match document:
        case {"all": rules} | {"any": rules}:
            return set[int]().union(*map(ids_in, rules))
        case {"not": inner}:
            return ids_in(inner)
        case {"attr": "memberOf", "value": value}:
            return set(value) if isinstance(value, list) else {value}
        case _:
            return set()


@given(document=DOCUMENTS, within=st.sets(IDS), city=st.sampled_from([None, "Oslo", "Rome"]))
def test_every_evaluator_agrees_and_a_denial_is_the_exact_complement(
    document: Any, within: set[int], city: str | None
) -> None:
    facts: dict[str, Any] = {} if city is None else {"city": city.lower()}
    if within:
        facts[MEMBER_OF] = frozenset(map(str, within))
    wanted = holds(document, within, city)
    for denied in (False, True):
        rule = from_document({"not": document} if denied else document, STANDARD_ATTRIBUTES)
        truths = {
            matches(rule, facts, TODAY),
            compile(rule)(facts, TODAY),
            bool(RuleIndex.build({1: rule}).matches(facts, TODAY)),
            explain(rule, facts, TODAY).truth,
        }
        assert truths == {wanted is not denied}
        linted = lint_rule(rule)
        assert not (linted.is_never_true and wanted is not denied)
        assert not (linted.is_always_true and wanted is denied)


@given(document=DOCUMENTS)
def test_text_with_names_text_with_numbers_and_json_say_the_same_rule(document: Any) -> None:
    named = from_document(document, STANDARD_ATTRIBUTES, related=RELATED)
    plain = from_document(document, STANDARD_ATTRIBUTES)

    assert named == plain
    assert form_of(named) == form_of(plain)
    assert not difference(named, plain).children
    assert to_document(named) == to_document(plain)
    assert parse(format(plain), STANDARD_ATTRIBUTES) == plain
    again = parse(format(named), STANDARD_ATTRIBUTES, related=RELATED)
    assert again == named
    assert format(again) == format(named)
    assert related_ids(named, MEMBER_OF) == ids_in(document) == mentioned(document).segments


def test_a_number_is_an_id_and_a_text_a_name_even_if_it_looks_like_a_number() -> None:
    by_name = parse('memberOf has "12"', STANDARD_ATTRIBUTES, related=RELATED)

    assert to_document(by_name) == {"attr": MEMBER_OF, "op": "has", "value": 3}
    assert format(parse("MemberOf HAS 3", STANDARD_ATTRIBUTES)) == "memberOf has 3"


@given(value=st.one_of(st.floats(), st.integers(), st.booleans(), st.text(), st.none()))
def test_only_positive_whole_numbers_are_ids(value: Any) -> None:
    is_id = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value == int(value)
        and 0 < value < 2**63
    )

    assert id_from(value) == (int(value) if is_id else None)


def test_no_attribute_can_take_the_name_of_a_relation() -> None:
    assert not any(map(is_attribute_name, ("memberOf", "MEMBEROF", "reportsTo")))
    assert is_attribute_name("memberOfStaff")
