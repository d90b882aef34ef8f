"""Rules about who is above a person (S1): right after every move, whoever moves."""

import random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine import chains, reports
from sync_engine.chains import MOST_STEPS, Chains
from sync_engine.drain import drain
from sync_engine.rebuild import expand, rebuild
from sync_engine.reports import follow_reports
from sync_engine.state import Connection
from sync_engine.verify import verify
from tests.ground import (
    BOTH_LANES,
    Document,
    Ground,
    insert_member,
    lock_members,
    mark_members,
    sales,
    update_attributes,
)
from tests.sync_engine.conftest import Meter


def reports_to(*ids: int) -> Document:
    return {"attr": "reportsTo", "op": "hasAny", "value": list(ids)}


def directly_to(id: int) -> Document:
    return {"attr": "reportsDirectlyTo", "op": "has", "value": id}


def name_of(ground: Ground, member_id: int) -> str:
    return str(ground.one("SELECT user_name FROM member WHERE id = %s", member_id))


def below(ground: Ground, manager_id: int | None = None, **attributes: Any) -> int:
    if manager_id is not None:
        attributes["manager"] = name_of(ground, manager_id)
    return ground.member(**attributes)


def move(ground: Ground, member_id: int, manager_id: int | None) -> None:
    said: dict[str, Any] = {} if manager_id is None else {"manager": name_of(ground, manager_id)}
    ground.change(member_id, **said)


def people_of(ground: Ground, segment_id: int) -> set[int]:
    return {member for member, segment in ground.stored() if segment == segment_id}


def manager_of(ground: Ground, member_id: int) -> int | None:
    found: int | None = ground.one("SELECT manager_id FROM member WHERE id = %s", member_id)
    return found


def test_whoever_is_below_somebody_is_in_directly_or_through_others(ground: Ground) -> None:
    ada = ground.member()
    bo = below(ground, ada)
    cy = below(ground, bo)
    ground.member()
    all_of_ada = ground.segment(reports_to(ada))
    nearest = ground.segment(directly_to(ada))
    ground.settle()

    assert people_of(ground, all_of_ada) == {bo, cy}
    assert people_of(ground, nearest) == {bo}
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_whoever_moves_takes_everybody_below_along(ground: Ground) -> None:
    ada, eve = ground.member(), ground.member()
    bo = below(ground, ada)
    cy = below(ground, bo)
    of_ada, of_eve = ground.segment(reports_to(ada)), ground.segment(reports_to(eve))
    ground.settle()

    move(ground, bo, eve)
    ground.settle()

    assert people_of(ground, of_ada) == set()
    assert people_of(ground, of_eve) == {bo, cy}


def test_a_person_is_found_by_the_scim_id_before_the_user_name(ground: Ground) -> None:
    ada = ground.member()
    scim_id = know(ground, ada)
    bo = ground.member(manager=f" {scim_id.upper()} ")
    ground.settle()

    assert manager_of(ground, bo) == ada


def know(ground: Ground, member_id: int) -> str:
    connection = ground._insert(
        "INSERT INTO connection (workspace_id, name, kind) VALUES (%s, %s, 'SCIM') RETURNING id",
        ground.workspace_id,
        f"of {member_id}",
    )
    scim_id = ground._insert(
        "INSERT INTO directory_person (workspace_id, connection_id, member_id, user_name)"
        " VALUES (%s, %s, %s, 'known') RETURNING id",
        ground.workspace_id,
        connection,
        member_id,
    )
    ground.db.commit()
    return str(scim_id)


def test_whoever_appears_later_is_above_those_who_said_so_before(ground: Ground) -> None:
    bo = ground.member(manager="ADA")
    cy = below(ground, bo)
    ada = ground.member()
    of_ada = ground.segment(reports_to(ada))
    ground.settle()
    assert people_of(ground, of_ada) == set()

    ground.db.execute("UPDATE member SET user_name = 'Ada' WHERE id = %s", (ada,))
    ground.db.commit()
    ground.settle()

    assert people_of(ground, of_ada) == {bo, cy}


def test_whoever_is_renamed_or_deleted_is_above_nobody(ground: Ground) -> None:
    ada, eve = ground.member(), ground.member()
    bo, cy = below(ground, ada), below(ground, eve)
    of_both = ground.segment(reports_to(ada, eve))
    ground.settle()
    assert people_of(ground, of_both) == {bo, cy}

    ground.db.execute("UPDATE member SET user_name = 'else' WHERE id = %s", (ada,))
    ground.set_state(eve, "DEACTIVATED", deleted=True)
    ground.settle()

    assert people_of(ground, of_both) == set()
    assert (manager_of(ground, bo), manager_of(ground, cy)) == (None, None)
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_whoever_is_deactivated_stays_a_link(ground: Ground) -> None:
    ada = ground.member()
    bo = below(ground, ada)
    cy = below(ground, bo)
    of_ada = ground.segment(reports_to(ada))
    ground.set_state(bo, "DEACTIVATED")
    ground.settle()

    assert people_of(ground, of_ada) == {cy}


def test_in_a_circle_everybody_is_above_the_others_and_nobody_above_themselves(
    ground: Ground,
) -> None:
    ada = ground.member()
    bo = below(ground, ada)
    cy = below(ground, bo)
    move(ground, ada, cy)
    segments = [ground.segment(reports_to(each)) for each in (ada, bo, cy)]
    ground.settle()

    assert [people_of(ground, each) for each in segments] == [{bo, cy}, {ada, cy}, {ada, bo}]
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_nobody_is_above_somebody_further_down_than_32_steps(ground: Ground) -> None:
    line = [ground.member()]
    for _ in range(34):
        line.append(below(ground, line[-1]))
    of_first = ground.segment(reports_to(line[0]))
    ground.settle()

    assert people_of(ground, of_first) == set(line[1:33])
    assert verify(ground.engine, ground.workspace_id).is_clean


# --- Two at once ----------------------------------------------------------------------------------


class Race:
    """Ada above nobody yet; Bo is moved below her while she is moved below Zoe: two writers who do
    not see each other."""

    def __init__(self, ground: Ground, *, marks_in_the_writers: bool = False) -> None:
        self.ground = ground
        self.marks_in_the_writers = marks_in_the_writers
        self.zoe, self.ada, self.old = (ground.member() for _ in range(3))
        self.bo = below(ground, self.old)
        self.cy = below(ground, self.bo)
        self.of_zoe = ground.segment(reports_to(self.zoe))
        ground.settle()

    def run(self) -> set[int]:
        """Both write before either commits; the engine looks in between."""
        one, other = self.ground.connection(), self.ground.connection()
        self._move(one, self.ada, self.zoe)
        self._move(other, self.bo, self.ada)
        other.commit()
        self.look()
        one.commit()
        self.ground.settle()
        return people_of(self.ground, self.of_zoe)

    def _move(self, db: Connection, member_id: int, manager_id: int) -> None:
        lock_members(db, [member_id])
        said = {"manager": name_of(self.ground, manager_id)}
        update_attributes(db, self.ground.workspace_id, member_id, said)
        ids = [member_id]
        if self.marks_in_the_writers:
            ids = [id for (id,) in db.execute(reports.BELOW, {"ids": [member_id]})]
            db.execute("DELETE FROM dirty_reports WHERE member_id = %s", (member_id,))
        mark_members(db, self.ground.workspace_id, ids)

    def look(self) -> None:
        follow_reports(self.ground.engine)
        self.ground.drain()


def test_two_who_move_at_once_one_above_the_other_are_both_seen_by_those_below(
    ground: Ground,
) -> None:
    race = Race(ground)

    assert race.run() == {race.ada, race.bo, race.cy}
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_marking_those_below_in_the_writers_transaction_would_lose_them(ground: Ground) -> None:
    race = Race(ground, marks_in_the_writers=True)

    assert race.run() == {race.ada}
    assert verify(ground.engine, ground.workspace_id).missing == 2


def test_who_appears_and_who_says_so_at_the_same_time_find_each_other(ground: Ground) -> None:
    one, other = ground.connection(), ground.connection()
    ada = insert_member(one, ground.workspace_id, {})
    [(name,)] = one.execute("SELECT user_name FROM member WHERE id = %s", (ada,))
    bo = insert_member(other, ground.workspace_id, {"manager": name})
    other.commit()
    follow_reports(ground.engine)
    assert manager_of(ground, bo) is None
    one.commit()
    follow_reports(ground.engine)

    assert manager_of(ground, bo) == ada


def test_a_writer_who_comes_while_those_below_are_marked_leaves_the_marker_in_place(
    ground: Ground,
) -> None:
    """Bo moves on after everybody below was marked, and before the marker goes."""
    zoe, ada = ground.member(), ground.member()
    bo = ground.member()
    cy = below(ground, bo)
    of_zoe, of_ada = ground.segment(reports_to(zoe)), ground.segment(reports_to(ada))
    ground.settle()
    move(ground, bo, ada)
    was_marked = reports._mark_below

    def mark_and_move(*given: Any) -> int:
        marked = was_marked(*given)
        with patch("sync_engine.reports._mark_below", was_marked):
            ground.drain()
            move(ground, bo, zoe)
        return marked

    with patch("sync_engine.reports._mark_below", mark_and_move):
        follow_reports(ground.engine, seconds=0.2)
    ground.settle()

    assert people_of(ground, of_zoe) == {bo, cy}
    assert people_of(ground, of_ada) == set()


def test_a_duty_that_meets_a_writer_comes_again(ground: Ground) -> None:
    bo = ground.member(manager="ada")
    ground.settle()
    writer = ground.connection()
    lock_members(writer, [bo])
    ada = ground.member()
    ground.db.execute("UPDATE member SET user_name = 'ada' WHERE id = %s", (ada,))
    ground.db.commit()

    follow_reports(ground.engine, seconds=0.1)
    assert manager_of(ground, bo) is None
    writer.rollback()
    follow_reports(ground.engine)

    assert manager_of(ground, bo) == ada


# --- What it costs --------------------------------------------------------------------------------


def test_who_is_above_is_read_only_where_a_rule_asks_and_once(ground: Ground, meter: Meter) -> None:
    ada = ground.member()
    ids = [below(ground, ada, department="Sales") for _ in range(5)]
    flat = ground.segment(sales())
    ground.settle()
    without = _statements(ground, meter, flat, ids)
    ground.segment(reports_to(ada))
    ground.settle()
    with_chains = _statements(ground, meter, flat, ids)

    above = {chains.ABOVE_PEOPLE, chains.ABOVE_BLOCK}
    assert not above & set(without)
    assert [each for each in with_chains if each not in above] == without
    assert sorted(each for each in with_chains if each in above) == sorted(above)


def _statements(ground: Ground, meter: Meter, segment: int, ids: list[int]) -> list[str]:
    """Of a drain of these people, and of a rebuild."""
    mark_members(ground.db, ground.workspace_id, ids)
    ground.db.commit()
    ground.edit(segment, version=2)
    expand(ground.engine)
    ground.rules.of(ground.db, ground.workspace_id, ground.one("SELECT max(epoch) FROM segment"))
    ground.db.rollback()
    meter.clear()
    drain(meter.engine, ground.rules, lanes=BOTH_LANES)
    rebuild(meter.engine, ground.rules)
    return meter.statements.copy()


def test_whom_nobody_asks_about_is_not_marked(ground: Ground) -> None:
    ada, eve = ground.member(), ground.member()
    for _ in range(3):
        below(ground, below(ground, ada))
    ground.settle()
    move(ground, ada, eve)
    ground.drain()

    assert follow_reports(ground.engine) is False
    assert ground.waiting() is False


def test_what_a_duty_asks_does_not_grow_with_the_people(ground: Ground, meter: Meter) -> None:
    ada, eve, zoe = (ground.member() for _ in range(3))
    ground.segment(reports_to(eve))
    few = [below(ground, ada) for _ in range(2)]
    ground.settle()
    counts = []
    many = [*few, *(below(ground, ada) for _ in range(9))]
    ground.settle()
    for manager, people in ((eve, few), (zoe, many)):
        for each in people:
            ground.change(each, manager=name_of(ground, manager), city="Oslo")
        meter.clear()
        follow_reports(meter.engine)
        counts.append(len(meter.statements))
        ground.settle()

    assert counts[0] == counts[1]


# --- Any chart ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_any_chart_and_any_rules_equal_a_recomputation_after_every_step(
    ground: Ground, seed: int
) -> None:
    dice = random.Random(seed)
    chart = Chart(ground, dice)
    for _ in range(7):
        chart.hire()
    for _ in range(4):
        chart.ask()
    for _ in range(25):
        dice.choice([chart.move, chart.move, chart.hire, chart.rename, chart.end, chart.ask])()
        if dice.random() < 0.3:
            follow_reports(ground.engine)
            ground.drain()
        if dice.random() < 0.6:
            chart.is_right()
    chart.is_right()


class Chart:
    """People by the names they have, whom they name, and rules; what follows by brute force."""

    def __init__(self, ground: Ground, dice: random.Random) -> None:
        self.ground, self.dice = ground, dice
        self.names: dict[int, str] = {}
        self.said: dict[int, str | None] = {}
        self.cities: dict[int, str] = {}
        self.rules: dict[int, Document] = {}

    def hire(self) -> None:
        name = self.dice.choice([each for each in "abcdefghijklmnop" if each not in self.taken()])
        self._write(self.ground.member(), name=name)

    def taken(self) -> set[str]:
        return set(self.names.values())

    def move(self) -> None:
        if self.names:
            self._write(self.dice.choice([*self.names]))

    def _write(self, id: int, name: str | None = None) -> None:
        said = self.dice.choice([None, *"abcdefghijkl"])
        city = self.dice.choice(["Oslo", "Rome"])
        attributes = {"city": city} | ({} if said is None else {"manager": said.upper()})
        if name is not None:
            self._rename(id, name)
        self.ground.change(id, **attributes)
        self.said[id], self.cities[id] = said, city

    def rename(self) -> None:
        free = [each for each in "abcdefghijkl" if each not in self.taken()]
        if free and self.names:
            self._rename(self.dice.choice([*self.names]), self.dice.choice(free))

    def _rename(self, id: int, name: str) -> None:
        self.ground.db.execute("UPDATE member SET user_name = %s WHERE id = %s", (name, id))
        self.ground.db.commit()
        self.names[id] = name

    def end(self) -> None:
        if len(self.names) > 3 and self.dice.random() < 0.4:
            id = self.dice.choice([*self.names])
            self.ground.set_state(id, "DEACTIVATED", deleted=True)
            del self.names[id], self.said[id], self.cities[id]

    def ask(self) -> None:
        if len(self.rules) < 8 and self.names:
            rule = self._rule()
            self.rules[self.ground.segment(rule)] = rule
        elif self.rules:
            id = self.dice.choice([*self.rules])
            self.rules[id] = self._rule()
            self.ground.edit(id, rule=self.rules[id])

    def _rule(self) -> Document:
        some = self.dice.sample([*self.names], min(2, len(self.names)))
        clauses: list[Document] = [
            reports_to(*some),
            directly_to(some[0]),
            {"attr": "reportsTo", "op": "hasAll", "value": some},
            {"not": reports_to(some[0])},
            {"attr": "city", "op": "eq", "value": "Oslo"},
        ]
        one, other = self.dice.sample(clauses, 2)
        return {self.dice.choice(["all", "any"]): [one, other]}

    def is_right(self) -> None:
        self.ground.settle()
        expected = {
            (member, segment)
            for segment, rule in self.rules.items()
            for member in self.names
            if self._holds(rule, member)
        }
        assert self.ground.stored() == expected
        drift = verify(self.ground.engine, self.ground.workspace_id)
        assert (drift.is_clean, drift.pending) == (True, 0)

    def _above(self, id: int) -> list[int]:
        by_name = {name: id for id, name in self.names.items()}
        found: list[int] = []
        while (said := self.said[found[-1] if found else id]) in by_name:
            above = by_name[said]
            # Whoever names themselves names nobody.
            if above in (id, *found):
                break
            found.append(above)
        return found

    def _holds(self, rule: Document, id: int) -> bool:
        above = self._above(id)
        match rule:
            case {"all": rules}:
                return all(self._holds(each, id) for each in rules)
            case {"any": rules}:
                return any(self._holds(each, id) for each in rules)
            case {"not": inner}:
                return not self._holds(inner, id)
            case {"attr": "reportsTo", "op": "hasAny", "value": ids}:
                return not set(ids).isdisjoint(above)
            case {"attr": "reportsTo", "value": ids}:
                return set(ids) <= set(above)
            case {"attr": "reportsDirectlyTo", "value": of}:
                return above[:1] == [of]
            case {"attr": "city", "value": city}:
                return bool(self.cities[id] == city)
        raise AssertionError(rule)


# --- Without a database ---------------------------------------------------------------------------


@given(
    managers=st.dictionaries(st.integers(1, 40), st.integers(1, 40)),
    mover=st.integers(1, 40),
    to=st.integers(1, 40),
)
def test_whoever_moves_changes_who_is_above_those_below_and_above_nobody_else(
    managers: dict[int, int], mover: int, to: int
) -> None:
    before, after = Chains(managers), Chains({**managers, mover: to})

    for each in range(1, 41):
        above = before.above(each)
        assert len(above) == len(set(above) - {each}) <= MOST_STEPS
        named = managers.get(each, each)
        assert above[:1] == ([] if named == each else [named])
        if mover != each and mover not in above and len(above) < MOST_STEPS:
            assert after.above(each) == above


def test_many_who_come_at_once_are_found_like_one(ground: Ground) -> None:
    ada = ground.member()
    scim_id, name = know(ground, ada), name_of(ground, ada)
    by_name = ground.people(40, manager=name.upper())
    by_scim_id = ground.people(40, manager=scim_id)
    nobodys = ground.people(40, manager="nobody")
    of_ada = ground.segment(directly_to(ada))
    ground.settle()

    assert people_of(ground, of_ada) == {*by_name, *by_scim_id}
    assert {manager_of(ground, each) for each in nobodys} == {None}
    assert verify(ground.engine, ground.workspace_id).is_clean
