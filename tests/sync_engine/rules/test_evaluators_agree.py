"""One truth: definition, closures, index, explanation and the naive second entry agree."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_engine.rules import (
    Attribute,
    AttributeType,
    Not,
    Owner,
    RuleIndex,
    catalog_of,
    compile,
    explain,
    fold,
    from_document,
    from_json,
    matches,
    to_json,
)
from sync_engine.rules.explain import Explanation, deciding
from tests.sampling import examples
from tests.sync_engine.rules.generated import (
    TODAYS,
    catalogs,
    documents,
    every_clause,
    every_value,
    people,
)
from tests.sync_engine.rules.naive import holds


@pytest.mark.parametrize("type", AttributeType)
def test_every_operator_agrees_on_every_pair_of_values(type: AttributeType) -> None:
    catalog = catalog_of([Attribute("a", type, Owner.ADMINISTRATOR)])
    clauses = every_clause(type, "a")
    rules = {id: from_document(clause, catalog) for id, clause in enumerate(clauses)}
    denied = {id: Not(rule) for id, rule in rules.items()}
    checks = {id: compile(rule) for id, rule in rules.items()}
    index, index_of_denied = RuleIndex.build(rules), RuleIndex.build(denied)
    for value in every_value(type):
        facts, _ = fold({"a": value}, catalog)
        for today in TODAYS if type is AttributeType.DATE else TODAYS[:1]:
            truth = {
                id
                for id, clause in enumerate(clauses)
                if holds(clause, {"a": value}, {"a": type.value}, today)
            }

            assert {id for id, rule in rules.items() if matches(rule, facts, today)} == truth
            assert {id for id, check in checks.items() if check(facts, today)} == truth
            assert index.matches(facts, today) == truth
            assert index_of_denied.matches(facts, today) == set(rules) - truth


@pytest.mark.spec("S1", "S2")
@settings(max_examples=examples(400), deadline=None)
@given(st.data())
def test_all_evaluators_agree_on_every_rule_and_person(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    wanted = data.draw(st.lists(documents(catalog), min_size=1, max_size=6))
    crowd = data.draw(st.lists(people(catalog), min_size=1, max_size=4))
    today = data.draw(st.sampled_from(TODAYS))
    types = {name: attribute.type.value for name, attribute in catalog.items()}
    rules = {id: from_document(document, catalog) for id, document in enumerate(wanted)}
    index = RuleIndex.build(rules)

    for person in crowd:
        facts, _ = fold(person, catalog)
        truth = {id for id, document in enumerate(wanted) if holds(document, person, types, today)}

        assert {id for id, rule in rules.items() if matches(rule, facts, today)} == truth
        assert {id for id, rule in rules.items() if compile(rule)(facts, today)} == truth
        assert index.matches(facts, today) == truth
        assert index.among(rules, facts, today) == truth
        assert {id for id, rule in rules.items() if explain(rule, facts, today).truth} == truth
        assert from_json(to_json(facts), catalog) == facts


@pytest.mark.spec("S2")
@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_a_rule_and_its_negation_partition_the_people(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    rule = from_document(data.draw(documents(catalog)), catalog)
    facts, _ = fold(data.draw(people(catalog)), catalog)
    today = data.draw(st.sampled_from(TODAYS))

    assert matches(rule, facts, today) is not matches(Not(rule), facts, today)
    assert compile(rule)(facts, today) is not compile(Not(rule))(facts, today)
    index = RuleIndex.build({1: rule, 2: Not(rule)})
    assert len(index.matches(facts, today)) == 1


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_the_deciding_clauses_alone_bring_about_the_truth(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    rule = from_document(data.draw(documents(catalog)), catalog)
    facts, _ = fold(data.draw(people(catalog)), catalog)
    told = explain(rule, facts, data.draw(st.sampled_from(TODAYS)))
    decided = {id(leaf) for leaf in deciding(told)}

    assert decided
    assert _recomputed(told, decided, others=True) is told.truth
    assert _recomputed(told, decided, others=False) is told.truth


def _recomputed(node: Explanation, decided: set[int], *, others: bool) -> bool:
    """The truth of the whole if every clause that did not decide were `others`."""
    parts = [_recomputed(each, decided, others=others) for each in node.children]
    match node.kind:
        case "all":
            return all(parts)
        case "any":
            return any(parts)
        case "not":
            return not parts[0]
        case _:
            return node.truth if id(node) in decided else others


@pytest.mark.spec("S2")
def test_negative_operators_are_the_complements_of_their_twins_on_absent_values() -> None:
    from sync_engine.rules import STANDARD_ATTRIBUTES as CATALOG
    from sync_engine.rules import parse

    today = date(2024, 3, 1)
    for positive, negative in (
        ('department eq "Sales"', 'department ne "Sales"'),
        ('department in ["Sales"]', 'department not in ["Sales"]'),
        ('groups hasAny ["Sales"]', 'groups hasNone ["Sales"]'),
        ("level eq 1", "level ne 1"),
        ("hireDate eq now", "hireDate ne now"),
        ("remote eq true", "remote ne true"),
        ("city present", "city absent"),
    ):
        assert matches(parse(positive, CATALOG), {}, today) is False
        assert matches(parse(negative, CATALOG), {}, today) is True
        assert compile(parse(negative, CATALOG))({}, today) is True
