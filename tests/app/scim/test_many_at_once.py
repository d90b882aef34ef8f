"""Requests of one provider that meet in the database."""

import asyncio
from collections import Counter
from typing import Any

from tests.app.scim.conftest import PATCH, USER, Door


async def test_of_eight_equal_posts_one_creates(door: Door) -> None:
    body = {"schemas": [USER], "userName": "ada@acme.example", "externalId": "e1"}

    answers = await asyncio.gather(*(door.http.post("/Users", json=body) for _ in range(8)))

    assert Counter(each.status_code for each in answers) == {201: 1, 409: 7}
    assert len(await door.many("SELECT 1 FROM member")) == 1


async def test_changes_of_people_and_groups_do_not_stop_each_other(door: Door) -> None:
    people = [await door.user(f"user{number}") for number in range(6)]
    groups = [await door.group(name, members=people[:3]) for name in ("A", "B")]

    def moves(group: dict[str, Any], op: str, users: list[dict[str, Any]]) -> Any:
        value = [{"value": each["id"]} for each in users]
        operation = {"op": op, "path": "members", "value": value}
        body = {"schemas": [PATCH], "Operations": [operation]}
        return door.http.patch(f"/Groups/{group['id']}", json=body)

    answers = await asyncio.gather(
        *(moves(group, "add", people[::step]) for group in groups for step in (1, -1, 2)),
        *(moves(group, "remove", people[::-1][:4]) for group in groups),
        *(door.http.delete(f"/Users/{each['id']}") for each in people[:2]),
        *(
            door.patch(f"/Users/{each['id']}", {"op": "add", "path": "title", "value": "x"})
            for each in people
        ),
    )

    assert {each.status_code for each in answers} <= {200, 204, 400, 404}
    rows = await door.many(
        "SELECT 1 FROM directory_group_member gm JOIN member m ON m.id = gm.member_id "
        "WHERE m.deleted_at IS NOT NULL"
    )
    assert rows == []


async def test_parallel_patches_of_one_user_all_count(door: Door) -> None:
    ada = await door.user()
    names = ["title", "displayName", "userType", "locale", "timezone", "preferredLanguage"]

    await asyncio.gather(
        *(
            door.patch(f"/Users/{ada['id']}", {"op": "add", "path": name, "value": "x"})
            for name in names
        )
    )

    after = (await door.get(f"/Users/{ada['id']}")).json()
    assert [after[name] for name in names] == ["x"] * len(names)
    assert after["meta"]["version"] == 'W/"7"'
