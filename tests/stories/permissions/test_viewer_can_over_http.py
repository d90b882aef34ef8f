"""All 1,156 cells through `viewer.can`, conditions included, asked over HTTP (G5)."""

from collections.abc import Callable

import pytest

from tests.proof import abilities
from tests.proof.abilities import CAN, Thing
from tests.proof.table import OPERATIONS, PEOPLE, PRINCIPALS, SELF
from tests.proof.town import Town
from tests.stories.permissions.over_http import OverHttp, tokens_in
from tests.stories.running import System

pytestmark = pytest.mark.timeout(120)

ALL = [each.upper() for each in OPERATIONS]


async def disagreements(ask: OverHttp, who: str, things: list[Thing]) -> tuple[list[str], int]:
    """Where `viewer.can` and the table differ, and how many answers were compared."""
    answer = await ask(who, CAN, {"operations": ALL, "on": [each.id for each in things]})
    told = {
        (each["on"], each["operation"].lower()): each for each in answer["data"]["viewer"]["can"]
    }
    found = []
    for thing in things:
        for operation in OPERATIONS:
            said = told[thing.id, operation]
            if said["isAllowed"] is not thing.expects(operation, who):
                found.append(f"{who}, {operation} on {thing.name}: {said}")
            elif said["isAllowed"] is (said["sourcePrincipal"] is None):
                found.append(f"{who}, {operation} on {thing.name} does not say by which role")
    return found, len(told)


async def test_viewer_can_says_of_every_cell_what_the_table_says(
    town: Town, ask: OverHttp, record_property: Callable[[str, object], None]
) -> None:
    shared = list(abilities.things(town))
    faults, compared = [], 0

    for who in PEOPLE:
        things = [*shared, *abilities.people(town, who)]
        found, count = await disagreements(ask, who, things)
        faults += found
        compared += count

    assert faults == []
    record_property("answers of viewer.can compared with the table", compared)


async def test_what_hangs_on_nobody_being_in_finance_is_said_where_nobody_is(
    town: Town, system: System, ask: OverHttp
) -> None:
    there = OverHttp(ask.http, ask.url, tokens_in(system, town.abroad))

    faults = []
    for who in PEOPLE:
        if who != "finance_manager":
            faults += (await disagreements(there, who, [abilities.abroad(town)]))[0]

    assert faults == []


async def test_who_is_nobody_s_member_may_do_nothing_through_graphql(ask: OverHttp) -> None:
    for who in set(PRINCIPALS) - set(PEOPLE):
        answer = await ask(who, CAN, {"operations": ALL})

        assert [each["extensions"]["code"] for each in answer["errors"]] == ["UNAUTHENTICATED"]
        assert not answer.get("data")


async def test_what_is_one_s_own_affair_is_never_another_s(town: Town, ask: OverHttp) -> None:
    """Asked about a person, a right on oneself is denied on everybody else."""
    me, other = abilities.people(town, "learner")

    assert SELF in me.facts_for("learner")
    assert SELF not in other.facts_for("learner")
    assert (await disagreements(ask, "learner", [me, other]))[0] == []
