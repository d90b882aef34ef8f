"""Rules about who is above a person (S1): right after every move, whoever moves."""

import random
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Engine

from sync_engine import reports
from sync_engine.drain import drain
from sync_engine.markers import Lane
from sync_engine.reports import follow_reports
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
    said = {} if manager_id is None else {"manager": name_of(ground, manager_id)}
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
