"""Nothing that is found in a rule is a false alarm: held against the evaluator (S16)."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, pairwise, product
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    All,
    Any_,
    Attribute,
    AttributeType,
    Everyone,
    Facts,
    InvalidRule,
    LintKind,
    Not,
    Owner,
    Rule,
    catalog_of,
    compile,
    fold,
    format,
    from_document,
    lint_rule,
    lint_text,
    matches,
    parse,
    to_document,
)
from sync_engine.rules.dates import least_gap, shifted
from sync_engine.rules.forms import form_of
from sync_engine.rules.lint import Linted
from sync_engine.rules.proving import Prover
from tests.sampling import examples
from tests.sync_engine.rules.generated import (
    OFFSETS,
    TODAYS,
    catalogs,
    documents,
    every_clause,
    every_value,
    people,
)


def kinds(text: str) -> list[tuple[LintKind, str]]:
    """Each finding, and the piece of the text it is about."""
    found = lint_text(text, STANDARD_ATTRIBUTES).findings
    return [(each.kind, text[each.start : each.end]) for each in found]


@pytest.mark.spec("S16")
@pytest.mark.parametrize(
    "text",
    [
        'department eq "Sales" and department eq "HR"',
        'department eq "Sales" and not (department sw "s")',
        "level gt 3 and level lt 3",
        "level gt 1 and level lt 2 and level in [1,2,3]",
        "remote eq true and not (remote eq true)",
        "hireDate ge now-P30D and hireDate lt now-P31D",
        "hireDate eq now and hireDate gt now-P1D and hireDate lt now",
        "hireDate lt now-P3M and hireDate gt now-P1M",
        'skills has "a" and skills hasNone ["A","b"]',
        'skills hasAny ["a","b"] and not (skills has "a") and not (skills has "b")',
        'skills hasAll ["a","b"] and skills absent',
        'title sw "Ma" and title sw "Mi"',
        'title ew "er" and not (title co "er")',
        "country present and country absent",
        'costCenter eq "a" and costCenter eq "A"',
        "not (everyone)",
    ],
)
def test_a_contradiction_is_never_true(text: str) -> None:
    found = lint_text(text, STANDARD_ATTRIBUTES)

    assert found.is_never_true
    assert [each.kind for each in found.findings] == [LintKind.NEVER_TRUE]


@pytest.mark.spec("S16")
@pytest.mark.parametrize(
    "text",
    [
        "country present or country absent",
        'department ne "Sales" or department in ["sales","HR"]',
        "not (level gt 3 and level lt 2)",
        'level eq 1 or not (country eq "SE" and country eq "DE")',
    ],
)
def test_what_leaves_nobody_out_is_always_true(text: str) -> None:
    assert lint_text(text, STANDARD_ATTRIBUTES).is_always_true


def test_everyone_said_aloud_is_no_mistake_but_beside_something_it_is() -> None:
    assert kinds("everyone") == []
    assert kinds("everyone and level eq 1") == [(LintKind.ALWAYS_TRUE, "everyone")]


@pytest.mark.spec("S16")
def test_what_is_doubled_or_implied_is_found_where_it_stands() -> None:
    assert kinds('(title co "x") and level eq 1 and LEVEL in [1]') == [
        (LintKind.DOUBLED, "LEVEL in [1]")
    ]
    assert kinds('department pr and department eq "Sales"') == [(LintKind.IMPLIED, "department pr")]
    assert kinds('country eq "SE" and (country eq "DE" or level eq 1)') == [
        (LintKind.IMPLIED, 'country eq "DE"')
    ]
    assert kinds("level eq 1 or (level gt 3 and level lt 2)") == [
        (LintKind.NEVER_TRUE, "(level gt 3 and level lt 2)")
    ]


def test_a_finding_names_the_parts_that_contradict_each_other() -> None:
    [found] = lint_text(
        'country eq "SE" and level gt 3 and remote eq true and level lt 2', STANDARD_ATTRIBUTES
    ).findings

    assert found.because == ("/all/1", "/all/3")
    assert "parts 2, 4" in found.message


@pytest.mark.parametrize(
    "text",
    [
        'department ne "Sales" and department ne "HR"',
        "not (level lt 3) and not (level ge 3)",
        "hireDate gt now-P30D and hireDate lt now-P1M",
        "hireDate gt 2024-01-01 and hireDate lt now-P90D".replace("2024-01-01", '"2024-01-01"'),
        'title sw "Man" and title ew "er"',
        'skills has "a" and skills hasAny ["b","c"] and skills hasNone ["c"]',
        "hireDate gt now-P1M and hireDate lt now-P27D",
    ],
)
def test_what_can_be_true_and_false_is_left_alone(text: str) -> None:
    assert kinds(text) == []


def replaced(rule: Rule, found: Linted) -> Rule:
    """The rule with everything that was found replaced by what it comes down to."""
    constants = {each.path: each.comes_to for each in found.findings}

    def at(node: Rule, path: str) -> Rule:
        if path in constants:
            return Everyone() if constants[path] else Not(Everyone())
        if isinstance(node, Not):
            return Not(at(node.rule, f"{path}/not"))
        if isinstance(node, All | Any_):
            key = "all" if isinstance(node, All) else "any"
            parts = (at(each, f"{path}/{key}/{i}") for i, each in enumerate(node.rules))
            return type(node)(tuple(parts))
        return node

    return at(rule, "")


def part(rule: Rule, path: str) -> Rule:
    node: Any = rule
    for key in path.split("/")[1:]:
        node = node.rules[int(key)] if key.isdigit() else node.rule if key == "not" else node
    return node  # type: ignore[no-any-return]


@pytest.mark.spec("S16")
@settings(max_examples=examples(250), deadline=None)
@given(st.data())
def test_without_what_was_found_a_rule_is_true_of_the_same_people(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    rule = from_document(data.draw(documents(catalog)), catalog)
    found = lint_rule(rule)
    event(f"{min(len(found.findings), 3)} findings")
    without, text = replaced(rule, found), format(rule)

    for each in found.findings:
        assert form_of(parse(text[each.start : each.end], catalog)) == form_of(
            part(rule, each.path)
        )
    for person in data.draw(st.lists(people(catalog), min_size=1, max_size=8)):
        facts, _ = fold(person, catalog)
        for today in TODAYS:
            truth = matches(rule, facts, today)

            assert matches(without, facts, today) is truth
            assert not (truth and found.is_never_true)
            assert truth or not found.is_always_true
            for each in found.findings:
                if each.kind in (LintKind.NEVER_TRUE, LintKind.ALWAYS_TRUE):
                    assert matches(part(rule, each.path), facts, today) is each.comes_to


def every_fact(type: AttributeType) -> Iterator[tuple[Facts, date]]:
    """No value, each value, and what lies between, around and together with them."""
    attribute = Attribute("a", type, Owner.ADMINISTRATOR)
    plain = [fold({"a": value}, catalog_of([attribute]))[0] for value in every_value(type)]
    yield from ((facts, today) for facts in plain for today in TODAYS)
    if type is AttributeType.DATE:
        for today in TODAYS:
            days = [shifted(today, offset.upper().lstrip("+")) for offset in OFFSETS]
            for day in days:
                yield from (({"a": day + timedelta(step)}, today) for step in (-1, 0, 1))
    elif type is not AttributeType.BOOLEAN:
        found: list[Any] = list(dict.fromkeys(facts["a"] for facts in plain if facts))
        yield from (({"a": each}, TODAYS[0]) for each in beyond(found))


def beyond(values: list[Any]) -> Iterator[Any]:
    """Values between and around numbers, lists and texts of two or three."""
    if isinstance(values[0], Decimal):
        values = sorted(values)
        yield from ((one + other) / 2 for one, other in pairwise(values))
        yield from (values[0] - 1, values[-1] + 1)
    elif isinstance(values[0], frozenset):
        texts = sorted({text for each in values for text in each} | {"another"})
        yield from (frozenset(each) for size in (1, 2, 3, 4) for each in combinations(texts, size))
    else:
        yield from ("-".join(each) for each in product(["other", *values], repeat=2))


def truths_of(claims: list[tuple[Rule, bool]], type: AttributeType) -> list[int]:
    """Of each claim, as bits, for which of all facts it holds."""
    facts = list(every_fact(type))
    truths = []
    for rule, denied in claims:
        check = compile(rule)
        held = (check(fact, today) is not denied for fact, today in facts)
        truths.append(sum(1 << number for number, holds in enumerate(held) if holds))
    return truths


@pytest.mark.parametrize("type", AttributeType)
def test_clauses_and_denials_of_one_form_hold_of_the_same_values(type: AttributeType) -> None:
    catalog = catalog_of([Attribute("a", type, Owner.ADMINISTRATOR)])
    clauses = [from_document(each, catalog) for each in every_clause(type, "a")]
    claims = [(rule, denied) for rule in clauses for denied in (False, True)]
    of_form: dict[object, set[int]] = {}
    for (rule, denied), truth in zip(claims, truths_of(claims, type), strict=True):
        of_form.setdefault(form_of(rule, denied=denied), set()).add(truth)

    assert [form for form, truths in of_form.items() if len(truths) > 1] == []
    assert len(of_form) < len(claims)


@pytest.mark.spec("S16")
@pytest.mark.parametrize("type", AttributeType)
def test_two_clauses_that_are_told_to_contradict_each_other_do(type: AttributeType) -> None:
    catalog = catalog_of([Attribute("a", type, Owner.ADMINISTRATOR)])
    clauses = [from_document(each, catalog) for each in every_clause(type, "a")]
    claims = [(rule, denied) for rule in clauses for denied in (False, True)]
    truths = truths_of(claims, type)
    chosen = random.Random(16)
    pairs = [(one, other) for one in range(len(claims)) for other in range(one)]
    told = seen = 0
    for one, other in chosen.sample(pairs, min(len(pairs), 6_000)):
        is_told = Prover().impossible([claims[one], claims[other]])
        is_seen = not truths[one] & truths[other]
        told, seen = told + is_told, seen + is_seen

        assert is_seen or not is_told, (claims[one], claims[other])
    assert told >= seen * CAUGHT.get(type, 1), f"{told} of {seen} that nobody was found for"


CAUGHT = {AttributeType.DATE: 0.8}
"""How much is found of what no value of these tests makes true; the rest may be true of others."""


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_rules_of_one_form_are_true_of_the_same_people(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    one, other = (from_document(data.draw(documents(catalog)), catalog) for _ in range(2))
    turned = shuffled(one, data.draw(st.randoms(use_true_random=False)))

    assert form_of(turned) == form_of(one)
    assert form_of(Not(Not(one))) == form_of(one)
    is_same = form_of(one) == form_of(other)
    event(f"same: {is_same}")
    for person in data.draw(st.lists(people(catalog), min_size=1, max_size=4)):
        facts, _ = fold(person, catalog)
        for today in TODAYS[:2]:
            assert not is_same or matches(one, facts, today) is matches(other, facts, today)
            assert matches(turned, facts, today) is matches(one, facts, today)


def shuffled(rule: Rule, chosen: random.Random) -> Rule:
    if isinstance(rule, Not):
        return Not(shuffled(rule.rule, chosen))
    if isinstance(rule, All | Any_):
        parts = [shuffled(each, chosen) for each in (*rule.rules, chosen.choice(rule.rules))]
        chosen.shuffle(parts)
        return type(rule)(tuple(parts))
    return rule


@settings(max_examples=examples(150), deadline=None)
@given(
    st.tuples(st.integers(-2400, 2400), st.integers(-900, 900)),
    st.tuples(st.integers(-2400, 2400), st.integers(-900, 900)),
    st.lists(st.dates(date(1500, 1, 1), date(2500, 1, 1)), min_size=1, max_size=40),
)
def test_days_of_the_clock_lie_at_least_as_far_apart_as_is_told(
    one: tuple[int, int], other: tuple[int, int], todays: list[date]
) -> None:
    def spelled(months: int, days: int) -> str:
        sign = "-" if months < 0 or (months == 0 and days < 0) else ""
        return f"{sign}P{abs(months)}M{abs(days)}D"

    first, second = spelled(*one), spelled(*other)

    for today in todays:
        gap = shifted(today, first).toordinal() - shifted(today, second).toordinal()
        assert gap >= least_gap(first, second)


def test_a_rule_that_is_wrong_is_not_linted() -> None:
    with pytest.raises(InvalidRule):
        lint_text('departmnt eq "Sales"', STANDARD_ATTRIBUTES)


def test_rules_are_told_that_no_equality_finds() -> None:
    assert lint_text(
        'department eq "a" or level gt 3', STANDARD_ATTRIBUTES
    ).is_found_by_equality is (False)
    assert lint_text('department eq "a" and level gt 3', STANDARD_ATTRIBUTES).is_found_by_equality


def test_a_rule_too_tangled_to_prove_says_so_and_takes_no_longer() -> None:
    tangled = " and ".join(
        f'(department eq "d{i}" or level gt {i} or title co "x{i}")' for i in range(33)
    )

    found = lint_text(tangled, STANDARD_ATTRIBUTES)

    assert not found.is_complete
    assert found.findings == ()


def test_paths_of_a_text_and_of_its_document_are_the_same() -> None:
    rule = parse(
        'level eq 1 or not (country eq "SE" and (level gt 3 or remote eq true))',
        STANDARD_ATTRIBUTES,
    )

    assert from_document(to_document(rule), STANDARD_ATTRIBUTES) == rule
    [found] = lint_rule(All((rule, rule))).findings
    assert found.path == "/all/1"
