"""A change of a group costs as much as the people it moves, however large the group is (I5)."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.app.scim.conftest import Door


async def crowd(door: Door, size: int) -> tuple[dict[str, Any], list[str]]:
    """A group of `size` people made in the database, and three more people outside of it."""
    group = await door.group()
    known = {
        "size": size + 3,
        "workspace_id": door.world.workspace_id,
        "connection_id": door.connection.id,
        "group_id": group["id"],
    }
    async with door.world.edge.transaction() as db:
        await db.execute(
            text("""
            WITH made AS (
                INSERT INTO member (workspace_id, user_name, display_name, state)
                SELECT :workspace_id, 'u' || n, 'U', 'ACTIVE' FROM generate_series(1, :size) n
                RETURNING id, user_name)
            INSERT INTO directory_person
                   (workspace_id, connection_id, member_id, user_name, resource)
            SELECT :workspace_id, :connection_id, id, user_name,
                   jsonb_build_object('userName', user_name) FROM made
            """),
            known,
        )
        await db.execute(
            text("""
            INSERT INTO directory_group_member (group_id, member_id, workspace_id)
            SELECT CAST(:group_id AS uuid), member_id, workspace_id FROM directory_person
             ORDER BY member_id LIMIT :size - 3
            """),
            known,
        )
        rows = await db.execute(text("SELECT id FROM directory_person ORDER BY member_id"))
        ids = [str(row[0]) for row in rows]
        await db.execute(text("DELETE FROM dirty_member"))
    return group, ids


async def marked(door: Door) -> set[str]:
    rows = await door.many(
        "SELECT p.id FROM dirty_member d JOIN directory_person p ON p.member_id = d.member_id"
    )
    return {str(row[0]) for row in rows}


@pytest.mark.parametrize("size", [5, 500])
@pytest.mark.spec("I5")
async def test_moving_people_costs_the_same_in_a_large_group(
    door: Door, statements: list[str], size: int
) -> None:
    group, ids = await crowd(door, size)
    await door.get("/ServiceProviderConfig")
    outside, inside = ids[-3:], ids[:3]
    add = {"op": "Add", "path": "members", "value": [{"value": outside[0]}]}
    remove = {"op": "Remove", "path": f'members[value eq "{inside[0]}"]'}
    add_again = {"op": "Add", "path": "members", "value": [{"value": inside[1]}]}
    both = [
        {"op": "Add", "path": "members", "value": [{"value": each} for each in outside[1:]]},
        {"op": "Remove", "path": "members", "value": [{"value": each} for each in inside[1:]]},
    ]

    costs = []
    for operations in ([add], [remove], [add_again], both):
        statements.clear()
        answer = await door.patch(f"/Groups/{group['id']}", *operations)
        assert answer.status_code == 204
        costs.append(len(statements))

    assert costs == [9, 9, 6, 11]
    assert await marked(door) == set(outside) | set(inside)
    row = await door.one("SELECT count(*) FROM directory_group_member")
    assert row[0] == size


async def test_reading_a_group_without_members_does_not_load_them(
    door: Door, statements: list[str]
) -> None:
    group, _ = await crowd(door, 20)
    await door.get("/ServiceProviderConfig")
    statements.clear()

    answer = await door.get(f"/Groups/{group['id']}", excludedAttributes="members")

    assert "members" not in answer.json()
    assert not any("directory_group_member" in each for each in statements)


async def test_replacing_the_members_writes_only_the_difference(door: Door) -> None:
    group, ids = await crowd(door, 20)
    wanted = [*ids[1:20], ids[21]]

    answer = await door.patch(
        f"/Groups/{group['id']}",
        {"op": "replace", "path": "members", "value": [{"value": each} for each in wanted]},
    )

    assert answer.status_code == 204
    assert await marked(door) == {ids[0], ids[21]}
    after = (await door.get(f"/Groups/{group['id']}")).json()["members"]
    assert {each["value"] for each in after} == set(wanted)


async def test_a_new_name_marks_everybody_and_a_new_id_nobody(door: Door) -> None:
    group, ids = await crowd(door, 5)

    await door.patch(f"/Groups/{group['id']}", {"op": "add", "path": "externalId", "value": "g"})
    assert await marked(door) == set()
    await door.patch(
        f"/Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": "G"}
    )
    assert await marked(door) == set(ids[:5])


async def test_the_end_of_a_group_marks_its_people(door: Door) -> None:
    group, ids = await crowd(door, 5)

    await door.http.delete(f"/Groups/{group['id']}")

    assert await marked(door) == set(ids[:5])
    assert (await door.group())["displayName"] == "Trainers"


async def test_the_end_of_a_user_leaves_the_groups(door: Door) -> None:
    ada = await door.user()
    group = await door.group(members=[ada])

    await door.http.delete(f"/Users/{ada['id']}")

    after = (await door.get(f"/Groups/{group['id']}")).json()
    assert "members" not in after
    assert after["meta"]["version"] != group["meta"]["version"]
