"""The index finds exactly what the rules say, whatever was put in and taken out."""

import gc
import random
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    Fact,
    Facts,
    Rule,
    RuleIndex,
    compile,
    fold,
    from_document,
    matches,
    parse,
)
from sync_engine.rules.normal import MOST_CONJUNCTIONS, conjunctions

TODAY = date(2024, 3, 1)
LETTERS = "abcdef"


def rule_of(text: str) -> Rule:
    return parse(text, STANDARD_ATTRIBUTES)


def random_clause(dice: random.Random) -> dict[str, Any]:
    letter, letters = dice.choice(LETTERS), dice.sample(LETTERS, dice.randint(1, 4))
    attribute = dice.choice(("city", "title", "department", "costCenter"))
    return dice.choice(
        (
            {"attr": attribute, "op": dice.choice(("eq", "ne")), "value": letter},
            {"attr": attribute, "op": dice.choice(("in", "notIn")), "value": letters},
            {"attr": attribute, "op": dice.choice(("present", "absent"))},
            {"attr": attribute, "op": "startsWith", "value": letter},
            {"attr": "remote", "op": dice.choice(("eq", "ne")), "value": dice.random() < 0.5},
            {"attr": "level", "op": "eq", "value": dice.randint(1, 3)},
            {"attr": "level", "op": "between", "value": [1, dice.randint(1, 3)]},
            {"attr": "groups", "op": "has", "value": letter},
            {"attr": "groups", "op": dice.choice(("hasAny", "hasAll")), "value": letters},
            {"attr": "skills", "op": dice.choice(("hasAny", "hasNone")), "value": letters},
        )
    )


def random_document(dice: random.Random, levels: int) -> dict[str, Any]:
    if levels == 1 or dice.random() < 0.2:
        return random_clause(dice)
    if dice.random() < 0.15:
        return {"not": random_document(dice, levels - 1)}
    members = [random_document(dice, levels - 1) for _ in range(dice.randint(2, 4))]
    return {dice.choice(("all", "any")): members}


def random_person(dice: random.Random) -> dict[str, Fact]:
    raw: dict[str, object] = {
        name: dice.choice(LETTERS) for name in ("city", "title", "department", "costCenter")
    }
    raw |= {"level": dice.randint(1, 3), "remote": dice.random() < 0.5}
    raw |= {name: dice.sample(LETTERS, dice.randint(0, 4)) for name in ("groups", "skills")}
    for name in dice.sample(sorted(raw), 2):
        del raw[name]
    return fold(raw, STANDARD_ATTRIBUTES)[0]


def truth(rules: Mapping[int, Rule], facts: Facts) -> set[int]:
    return {id for id, rule in rules.items() if matches(rule, facts, TODAY)}


@pytest.mark.parametrize("seed", range(6))
def test_large_rules_with_many_alternatives_are_found(seed: int) -> None:
    dice = random.Random(seed)
    rules = {id: from_document(random_document(dice, 4), STANDARD_ATTRIBUTES) for id in range(150)}
    index = RuleIndex.build(rules)

    assert any(conjunctions(rule) is None for rule in rules.values())
    assert any(len(conjunctions(rule) or ()) > 8 for rule in rules.values())
    for _ in range(40):
        facts = random_person(dice)
        assert index.matches(facts, TODAY) == truth(rules, facts)


@pytest.mark.parametrize("seed", range(3))
def test_edits_take_effect_at_once_and_through_every_rebuilding(seed: int) -> None:
    dice = random.Random(seed)
    rules: dict[int, Rule] = {}
    index = RuleIndex()
    for _ in range(400):
        id = dice.randint(1, 60)
        if dice.random() < 0.35:
            rules.pop(id, None)
            index.remove(id)
        else:
            rules[id] = from_document(random_document(dice, 3), STANDARD_ATTRIBUTES)
            index.put(id, rules[id])
        facts = random_person(dice)

        assert index.matches(facts, TODAY) == truth(rules, facts)
        assert index.among(range(70), facts, TODAY) == truth(rules, facts)
        assert len(index) == len(rules)
        assert (id in index) is (id in rules)


def test_a_list_in_place_of_alternatives_stays_indexed_beyond_their_limit() -> None:
    cities = " or ".join(f'city eq "c{number}"' for number in range(90))
    rule = rule_of(f'({cities}) and title eq "t"')
    found = conjunctions(rule)

    assert found is not None
    assert len(found) == 1
    index = RuleIndex.build({1: rule})
    assert index.matches({"city": "c89", "title": "t"}, TODAY) == {1}
    assert index.matches({"city": "c90", "title": "t"}, TODAY) == set()
    assert index.matches({"city": "c89", "title": "u"}, TODAY) == set()


def test_too_many_alternatives_are_checked_for_everybody_and_still_exact() -> None:
    pairs = " and ".join(f'(city eq "{x}" or title eq "{x}" or level gt 5)' for x in "abcde")
    rule = rule_of(pairs)
    index = RuleIndex.build({1: rule})

    assert MOST_CONJUNCTIONS == 64
    assert conjunctions(rule) is None
    assert index.matches({"city": "a", "title": "b"}, TODAY) == set()
    assert index.matches({"level": Decimal(6)}, TODAY) == {1}


def test_long_lists_on_both_attributes_are_found_without_multiplying() -> None:
    cities = ",".join(f'"c{number}"' for number in range(900))
    titles = ",".join(f'"t{number}"' for number in range(900))
    index = RuleIndex.build({1: rule_of(f"city in [{cities}] and title in [{titles}]")})

    assert sum(map(len, index._nodes.values())) == 900
    assert index.matches({"city": "c899", "title": "t0"}, TODAY) == {1}
    assert index.matches({"city": "c899", "title": "t900"}, TODAY) == set()


def test_everyone_and_nobody_are_found() -> None:
    index = RuleIndex.build({1: rule_of("everyone"), 2: rule_of("not (everyone)")})

    assert index.matches({}, TODAY) == {1}


def test_the_answer_belongs_to_the_caller() -> None:
    index = RuleIndex.build({1: rule_of("everyone"), 2: rule_of('city eq "a"')})

    index.matches({"city": "a"}, TODAY).clear()

    assert index.matches({"city": "a"}, TODAY) == {1, 2}


def test_removing_what_is_not_there_changes_nothing() -> None:
    index = RuleIndex.build({1: rule_of("everyone")})

    index.remove(7)

    assert index.matches({}, TODAY) == {1}


def test_editing_one_rule_for_ever_leaves_nothing_behind() -> None:
    index = RuleIndex.build({7: rule_of('city eq "a"')})
    for number in range(300):
        index.put(1, rule_of(f'city eq "c{number}" or title eq "t{number}"'))

    assert {id: len(nodes) for id, nodes in index._nodes.items()} == {7: 1, 1: 2}
    assert len((index._root.branches or {})["city"]) < 100


@pytest.mark.parametrize("is_enabled", [True, False])
def test_building_leaves_the_garbage_collector_as_it_was(*, is_enabled: bool) -> None:
    (gc.enable if is_enabled else gc.disable)()
    try:
        RuleIndex.build({1: rule_of("everyone")})

        assert gc.isenabled() is is_enabled
    finally:
        gc.enable()


class Counted(dict[str, Fact]):
    """Facts that count how often they are looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)


@pytest.mark.parametrize("number_of_rules", [100, 10_000])
def test_a_person_meets_only_the_rules_that_name_her_own_values(number_of_rules: int) -> None:
    rules = {
        id: rule_of(f'remote eq true and city eq "c{id}" and level gt 1 and title eq "t{id}"')
        for id in range(number_of_rules)
    }
    index = RuleIndex.build(rules)
    facts = Counted(
        {"remote": True, "city": "c7", "level": Decimal(2), "title": "t7", "division": "d"}
    )

    assert index.matches(facts, TODAY) == {7}
    assert facts.looks == 4


def test_the_rarest_values_are_the_path() -> None:
    rules = {id: rule_of(f'country eq "se" and city eq "c{id}"') for id in range(50)}
    index = RuleIndex.build(rules | {99: rule_of('country eq "se"')})

    branches = index._root.branches or {}
    assert sorted(branches) == ["city", "country"]
    assert branches["country"]["se"].sure == {99}
    assert branches["country"]["se"].branches is None
    assert compile(rules[3])({"country": "se", "city": "c3"}, TODAY)
