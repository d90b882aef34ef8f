"""Reading only whom a rule can concern finds exactly what reading everybody finds."""

import json
import random
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from sync_engine import passes
from sync_engine.blocks import Block
from sync_engine.markers import BLOCK_BITS
from sync_engine.passes import read_residents
from sync_engine.prefilter import Part, necessary, prefilter
from sync_engine.rebuild import Rebuilt, expand, rebuild
from sync_engine.rules import (
    AttributeType,
    fold,
    from_document,
    from_json,
    matches,
    to_json,
)
from tests.ground import TODAY, Document, Ground, everyone, hired, insert_segment, sales
from tests.sync_engine.rules.generated import (
    TODAYS,
    catalogs,
    documents,
    every_clause,
    every_value,
    people,
)


def eq(value: str, attribute: str = "department") -> Document:
    return {"attr": attribute, "op": "eq", "value": value}


def rebuilt(ground: Ground) -> Rebuilt:
    expand(ground.engine)
    return rebuild(ground.engine, ground.rules, seconds=60)


def edited(ground: Ground, segment: int, rule: Document) -> Rebuilt:
    """Edit a rule, let this process know of it, and work it off."""
    ground.edit(segment, rule=rule)
    ground.rules.warm(ground.engine)
    return rebuilt(ground)


def holds(part: Part, stored: dict[str, Any]) -> bool:
    """What PostgreSQL would say of a part."""
    found = stored.get(part.attribute)
    values = found if isinstance(found, list) else [found]
    return any(each in part.values for each in values)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(TODAYS))
def test_whoever_satisfies_a_rule_satisfies_what_is_necessary_for_it(
    data: st.DataObject, today: date
) -> None:
    catalog = data.draw(catalogs())
    rule = from_document(data.draw(documents(catalog)), catalog)
    alternatives = necessary(rule)
    raw = data.draw(people(catalog))
    stored = json.loads(json.dumps(to_json(fold(raw, catalog)[0])))
    facts = from_json(stored, catalog)

    if alternatives is not None and matches(rule, facts, today):
        assert any(all(holds(part, stored) for part in parts) for parts in alternatives)


@pytest.mark.parametrize("type", AttributeType)
def test_postgresql_lets_through_whoever_satisfies_a_clause(
    ground: Ground, type: AttributeType
) -> None:
    name = "a"
    ground.db.execute(
        "INSERT INTO attribute_definition VALUES (%s, %s, %s, 'ADMINISTRATOR')",
        (ground.workspace_id, name, type.value),
    )
    ground.db.commit()
    segments = {
        insert_segment(ground.db, ground.workspace_id, clause, mark=False): clause
        for clause in every_clause(type, name)
    }
    ground.db.commit()
    rules = ground.rules
    rules.warm(ground.engine)
    known = rules.known(ground.workspace_id)
    assert known is not None
    ids = {}
    for value in every_value(type):
        facts = to_json(fold({name: value}, known.catalog)[0])
        [(person,)] = ground.db.execute(
            "INSERT INTO member (workspace_id, user_name, display_name, state, facts)"
            " VALUES (%s, gen_random_uuid()::text, 'someone', 'ACTIVE', %s) RETURNING id",
            (ground.workspace_id, Jsonb(facts)),
        )
        ids[person] = facts
    ground.db.commit()
    block = Block(ground.workspace_id, min(ids) >> BLOCK_BITS)
    narrowed = 0

    for segment, clause in segments.items():
        rule = from_document(clause, known.catalog)
        wanted = {
            id for id, facts in ids.items() if matches(rule, from_json(facts, known.catalog), TODAY)
        }
        residents = read_residents(ground.db, block, [segment], known)
        ground.db.rollback()
        assert residents is not None
        read = {row[0] for row in residents.rows}
        assert wanted <= read
        if prefilter(known, [segment]) is not None:
            narrowed += 1
            assert read == wanted or type is AttributeType.STRING_LIST

    assert (narrowed > 0) is (type in (*_TEXTS, AttributeType.STRING_LIST))


_TEXTS = (AttributeType.STRING, AttributeType.IDENTIFIER, AttributeType.REFERENCE)


def test_an_edit_reads_those_of_the_old_and_of_the_new_rule_only(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.people(20, department="Legal")
    ground.people(3, department="Sales")
    ground.people(4, department="Press")
    ground.settle()

    done = edited(ground, segment, eq("Press"))

    assert (done.people, done.added, done.removed) == (7, 4, 3)
    assert ground.stored() == ground.expected()


def test_the_named_the_deactivated_and_the_deleted_are_right_too(ground: Ground) -> None:
    rule = ground.segment(eq("Press"))
    static = ground.segment(people=ground.people(2, department="Legal"))
    gone, asleep = ground.people(2, department="Press")
    ground.people(5, department="Legal")
    ground.settle()
    ground.db.execute("UPDATE member SET deleted_at = now() WHERE id = %s", (gone,))
    ground.db.execute("UPDATE member SET state = 'DEACTIVATED' WHERE id = %s", (asleep,))
    ground.edit(static)
    ground.edit(rule, rule=sales())
    ground.rules.warm(ground.engine)

    rebuilt(ground)

    assert ground.stored() == ground.expected()
    assert {segment for _, segment in ground.stored()} == {static}


@pytest.mark.parametrize(("rule", "read"), [(eq("Legal"), 5), (hired(30), 14)])
def test_a_process_that_knows_an_older_rule_reads_by_the_one_it_finds(
    ground: Ground, rule: Document, read: int
) -> None:
    segment = ground.segment(sales())
    ground.people(5, department="Legal")
    ground.people(9, department="Press", hireDate="2020-01-01")
    ground.settle()
    ground.edit(segment, rule=rule)

    done = rebuilt(ground)

    assert done.people == read
    assert done.added > 0
    assert ground.stored() == ground.expected()


def test_rules_that_change_while_they_are_read_narrow_nothing(ground: Ground) -> None:
    """Whoever would be left out by a rule that is no longer so is read all the same."""
    segment = ground.segment(sales())
    people = ground.people(5, department="Legal")
    ground.settle()
    ground.edit(segment, rule=eq("Legal"))
    expand(ground.engine)
    stale = ground.rules.known(ground.workspace_id)
    assert stale is not None
    block = Block(ground.workspace_id, people[0] >> BLOCK_BITS)

    again = read_residents(ground.db, block, [segment], stale, lambda _: stale)
    ground.db.rollback()

    assert again is not None
    assert {row[0] for row in again.rows} == {*people}


@pytest.mark.parametrize(
    "rule",
    [
        everyone(),
        hired(30),
        {"attr": "department", "op": "ne", "value": "Sales"},
        {"attr": "department", "op": "absent"},
        {"any": [eq("Sales"), hired(30)]},
        {"not": {"all": [eq("Sales"), hired(30)]}},
        {"attr": "groups", "op": "has", "value": "admins"},
        {"attr": "department", "op": "startsWith", "value": "Sa"},
    ],
)
def test_where_a_rule_names_no_value_everybody_is_read(ground: Ground, rule: Document) -> None:
    segment = ground.segment(sales())
    ground.people(3, department="Legal", hireDate="2020-01-01")
    ground.people(2)
    ground.settle()

    done = edited(ground, segment, rule)

    assert done.people == 5
    assert ground.stored() == ground.expected()


def test_a_rule_that_builds_on_another_segment_is_read_with_everybody(ground: Ground) -> None:
    inner = ground.segment(sales())
    outer = ground.segment({"attr": "memberOf", "op": "has", "value": inner})
    people = ground.people(3, department="Legal")
    ground.settle()

    edited(ground, inner, eq("Legal"))
    ground.settle()

    assert {(person, outer) for person in people} <= ground.stored()


def test_a_rule_beside_those_that_build_on_each_other_is_narrowed(ground: Ground) -> None:
    inner = ground.segment(sales())
    ground.segment({"attr": "memberOf", "op": "has", "value": inner})
    beside = ground.segment(sales())
    ground.people(9, department="Legal")
    ground.people(2, department="Sales")
    press = ground.people(3, department="Press")
    ground.settle()

    done = edited(ground, beside, eq("Press"))

    assert (done.people, done.added, done.removed) == (5, 3, 2)
    assert {id for id, segment in ground.stored() if segment == beside} == {*press}


VALUES = {
    "department": ["Sales", "sales ", "Straße", "STRASSE", "Legal"],
    "title": ["Boss", "boss", "Clerk"],
    "hireDate": ["2020-01-01", "2026-03-01"],
}


def sentence(dice: Any, depth: int) -> Document:
    """A rule of equalities, denials and alternatives."""
    kind = dice.randrange(5) if depth else 0
    if kind < 2:
        name = dice.choice(sorted(VALUES))
        return {"attr": name, "op": dice.choice(["eq", "ne"]), "value": dice.choice(VALUES[name])}
    if kind == 2:
        return {"not": sentence(dice, depth - 1)}
    word = "all" if kind == 3 else "any"
    return {word: [sentence(dice, depth - 1) for _ in range(dice.randint(1, 3))]}


def test_random_edits_leave_what_a_recomputation_finds(ground: Ground) -> None:
    dice = random.Random(5)
    segments = [ground.segment(sales()) for _ in range(3)]
    for _ in range(40):
        person: dict[str, Any] = {
            name: dice.choice(of) for name, of in VALUES.items() if dice.random() < 0.7
        }
        ground.member(**person)
    ground.settle()
    narrowed = 0

    def counted(*arguments: Any) -> Any:
        nonlocal narrowed
        found = prefilter(*arguments)
        narrowed += found is not None
        return found

    with patch.object(passes, "prefilter", counted):
        for _ in range(15):
            for segment in dice.sample(segments, dice.randint(1, 3)):
                ground.edit(segment, rule=sentence(dice, 3))
            ground.rules.warm(ground.engine)
            rebuilt(ground)
            assert ground.stored() == ground.expected()
    assert 0 < narrowed < 15
