"""What differs between two rules (S6)."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    Difference,
    DifferenceKind,
    Not,
    Rule,
    difference,
    fold,
    from_document,
    matches,
    parse,
    sentences,
)
from sync_engine.rules.forms import form_of
from sync_engine.rules.nodes import All, Any_, Everyone
from tests.sampling import examples
from tests.sync_engine.rules.generated import TODAYS, catalogs, documents, people


def told(before: str, after: str) -> list[str]:
    return sentences(
        difference(parse(before, STANDARD_ATTRIBUTES), parse(after, STANDARD_ATTRIBUTES))
    )


@pytest.mark.spec("S6")
def test_clauses_are_added_removed_and_changed_but_not_moved() -> None:
    before = 'department eq "Sales" and level ge 3 and country eq "SE"'

    assert told(before, 'country eq "SE" and department eq "SALES" and level ge 3') == []
    assert told(before, f"{before} and remote eq true") == ["Added: remote eq true."]
    assert told(before, 'department eq "Sales" and level ge 3') == ['Removed: country eq "SE".']
    assert told(before, before.replace("ge 3", "ge 4")) == [
        "Changed: level ge 3 is now level ge 4."
    ]


@pytest.mark.spec("S6")
def test_groups_are_gone_through_to_the_clause_that_differs() -> None:
    before = 'remote eq true and (country eq "SE" or country eq "NO" and level gt 2)'
    after = 'remote eq true and (country eq "SE" or country eq "NO" and level gt 5)'

    found = difference(parse(before, STANDARD_ATTRIBUTES), parse(after, STANDARD_ATTRIBUTES))

    assert sentences(found) == ["Changed: level gt 2 is now level gt 5."]
    group = found.children[1]
    assert (group.kind, group.part) == (DifferenceKind.CHANGED, "ANY")
    assert group.children[1].children[1].path_after == "/all/1/any/1/all/1"


def test_a_clause_that_becomes_one_of_several_stays_the_same() -> None:
    assert told("level gt 2", 'level gt 2 and country eq "SE"') == ['Added: country eq "SE".']
    assert told('level gt 2 or country eq "SE"', "level gt 2") == ['Removed: country eq "SE".']
    assert told("level gt 2", 'country eq "SE"') == ['Changed: level gt 2 is now country eq "SE".']
    assert told("not (level gt 2)", "not (level gt 3)") == [
        "Changed: level gt 2 is now level gt 3."
    ]


def test_all_that_becomes_any_is_told() -> None:
    both = ('level gt 2 and country eq "SE"', 'level gt 2 or country eq "SE"')

    assert told(*both) == [
        f"Enough is now one of its parts instead of all of its parts: {both[1]}."
    ]

    assert told(both[0], f"remote eq true or {both[0]}") == ["Added: remote eq true."]


def clauses(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Not):
        yield from clauses(rule.rule)
    elif isinstance(rule, All | Any_):
        for each in rule.rules:
            yield from clauses(each)
    else:
        yield repr(rule)


def side(found: Difference, name: str) -> Counter[str]:
    """The clauses of one of the two rules, counted at the leaves of the tree of differences."""
    if found.children:
        return sum((side(each, name) for each in found.children), Counter[str]())
    rule = getattr(found, name)
    return Counter() if rule is None else Counter(clauses(rule))


@pytest.mark.spec("S6")
@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_every_clause_of_both_rules_is_told_of_exactly_once(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    before, after = (from_document(data.draw(documents(catalog)), catalog) for _ in range(2))
    after = data.draw(st.sampled_from([after, Any_((before, after)), All((after, before))]))

    found = difference(before, after)

    assert side(found, "before") == Counter(clauses(before))
    assert side(found, "after") == Counter(clauses(after))
    is_same = found.kind is DifferenceKind.SAME
    assert is_same is (form_of(before) == form_of(after))
    if not is_same:
        assert sentences(found) or isinstance(before, Everyone | Not)
    for person in data.draw(st.lists(people(catalog), min_size=1, max_size=3)):
        facts, _ = fold(person, catalog)
        if is_same:
            assert matches(before, facts, TODAYS[0]) is matches(after, facts, TODAYS[0])
