"""A provider says who somebody's manager is, and rules about who is above follow (S1, I5)."""

from typing import Any

import pytest
from sqlalchemy import Engine

from sync_engine.verify import verify
from tests.app.scim.conftest import ENTERPRISE, Door
from tests.world import settle


async def member_of(door: Door, user: dict[str, Any]) -> int:
    row = await door.one(
        "SELECT member_id FROM directory_person WHERE id = CAST(:id AS uuid)", id=user["id"]
    )
    found = int(row[0])
    door.world.members[user["userName"].partition("@")[0]] = found
    return found


def under(user: dict[str, Any]) -> dict[str, Any]:
    return {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": user["id"]}}


@pytest.mark.spec("S1")
async def test_a_patch_of_the_manager_makes_coordinators_of_everybody_below(
    door: Door, sync_database: Engine
) -> None:
    ada, bo, cy = [await door.user(name) for name in ("ada", "bo", "cy")]
    of_ada, _, _ = [await member_of(door, each) for each in (ada, bo, cy)]
    await door.world.segment("Line", f"reportsTo has {of_ada}")
    await door.world.course("Safety", segments_attached=["Line"])
    await door.patch(f"/Users/{cy['id']}", under(bo))
    settle(sync_database)
    assert await door.world.coordinators_of("Safety") == set()

    answer = await door.patch(f"/Users/{bo['id']}", under(ada))
    settle(sync_database)
    assert answer.status_code == 200
    assert await door.world.coordinators_of("Safety") == {"bo", "cy"}

    await door.http.delete(f"/Users/{bo['id']}")
    settle(sync_database)
    assert await door.world.coordinators_of("Safety") == set()
    assert verify(sync_database, door.world.workspace_id).is_clean


async def test_a_manager_by_user_name_may_come_later_than_those_below(
    door: Door, sync_database: Engine
) -> None:
    bo = await door.user("bo", **{ENTERPRISE: {"manager": {"value": "ADA@acme.example"}}})
    ada = await door.user("ada")
    await door.world.segment("Line", f"reportsDirectlyTo has {await member_of(door, ada)}")
    await door.world.course("Safety", segments_attached=["Line"])
    settle(sync_database)

    await member_of(door, bo)
    assert await door.world.coordinators_of("Safety") == {"bo"}
