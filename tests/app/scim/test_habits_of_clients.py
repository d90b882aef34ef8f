"""What Entra ID, Okta and others really send, row by row of what is known of them.

Each row is a PATCH (or body) in a client's habit, and what the directory holds afterwards.
"""

from typing import Any

import pytest

from tests.app.scim.conftest import ENTERPRISE, GROUP, OURS, PATCH, USER, Door, errors_of

BEFORE = {
    "externalId": "00u1",
    "active": True,
    "displayName": "Ada",
    "title": "Clerk",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"value": "ada@acme.example", "type": "work", "primary": True}],
    ENTERPRISE: {"department": "Sales", "manager": {"value": "m1"}},
}


def op(op: str, path: str | None = None, value: Any = None) -> dict[str, Any]:
    said: dict[str, Any] = {"op": op, "value": value}
    return said if path is None else {**said, "path": path}


USER_ROWS: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("capital Replace", [op("Replace", "title", "Boss")], {"title": "Boss"}),
    ("capital Add", [op("Add", "userType", "Staff")], {"userType": "Staff"}),
    ("capital Remove", [{"op": "Remove", "path": "title"}], {"title": None}),
    ("dotted path", [op("replace", "name.givenName", "Eda")], {"givenName": "Eda"}),
    ("path in another case", [op("replace", "DisplayName", "Eda")], {"displayName": "Eda"}),
    ("no path", [op("replace", None, {"title": "Boss"})], {"title": "Boss"}),
    ("dotted keys", [op("replace", None, {"name.givenName": "Eda"})], {"givenName": "Eda"}),
    (
        "a whole URN as key",
        [op("replace", None, {f"{ENTERPRISE}:department": "IT"})],
        {"department": "IT"},
    ),
    (
        "dotted and URN keys together",
        [
            op(
                "replace",
                None,
                {"displayName": "E", "name.familyName": "B", f"{ENTERPRISE}:division": "D"},
            )
        ],
        {"displayName": "E", "familyName": "B", "division": "D"},
    ),
    (
        "the core URN in front",
        [op("replace", f"{USER}:title", "Boss")],
        {"title": "Boss"},
    ),
    ("URN path", [op("Replace", f"{ENTERPRISE}:department", "IT")], {"department": "IT"}),
    (
        "an extension as object",
        [op("replace", ENTERPRISE, {"department": "IT"})],
        {"department": "IT"},
    ),
    (
        "an extension within a path-less value",
        [op("replace", None, {ENTERPRISE: {"department": "IT", "costCenter": "7"}})],
        {"department": "IT", "costCenter": "7"},
    ),
    ("bare department", [op("replace", "department", "IT")], {"department": "IT"}),
    ("bare department as key", [op("replace", None, {"department": "IT"})], {"department": "IT"}),
    ("employee number as number", [op("add", "employeeNumber", 17)], {"employeeNumber": "17"}),
    (
        "e-mail by type",
        [op("Replace", 'emails[type eq "work"].value', "a@new.example")],
        {"emails": ["a@new.example"]},
    ),
    (
        "e-mail by a type that is not there",
        [op("Add", 'emails[type eq "other"].value', "b@new.example")],
        {"emails": ["ada@acme.example", "b@new.example"]},
    ),
    (
        "e-mail as key with a filter",
        [op("replace", None, {'emails[type eq "work"].value': "a@new.example"})],
        {"emails": ["a@new.example"]},
    ),
    (
        "one e-mail as text",
        [op("replace", "emails", "a@new.example")],
        {"emails": ["a@new.example"]},
    ),
    (
        "one e-mail as object",
        [op("replace", "emails", {"value": "a@new.example", "type": "work"})],
        {"emails": ["a@new.example"]},
    ),
    (
        "country of the work address",
        [op("Add", 'addresses[type eq "work"].country', "SE")],
        {"country": "SE"},
    ),
    ("manager as object", [op("add", f"{ENTERPRISE}:manager", {"value": "m2"})], {"manager": "m2"}),
    ("manager as text", [op("Add", f"{ENTERPRISE}:manager", "m2")], {"manager": "m2"}),
    ("bare manager as text", [op("Add", "manager", "m2")], {"manager": "m2"}),
    (
        "manager as list",
        [op("Add", f"{ENTERPRISE}:manager", [{"$ref": "../Users/m2", "value": "m2"}])],
        {"manager": "m2"},
    ),
    ("manager as bare list", [op("replace", f"{ENTERPRISE}:manager", ["m2"])], {"manager": "m2"}),
    (
        "manager by its value",
        [op("replace", f"{ENTERPRISE}:manager.value", "m2")],
        {"manager": "m2"},
    ),
    ("manager as empty text", [op("Replace", f"{ENTERPRISE}:manager", "")], {"manager": None}),
    ("manager removed", [{"op": "Remove", "path": f"{ENTERPRISE}:manager"}], {"manager": None}),
    ("empty text", [op("replace", "title", "")], {"title": None}),
    ("null", [op("replace", "title", None)], {"title": None}),
    (
        "null among keys",
        [op("replace", None, {"title": None, "displayName": "E"})],
        {"title": None, "displayName": "E"},
    ),
    ("added null", [op("add", "title", None)], {"title": None}),
    ("id within the value", [op("replace", None, {"id": "x", "title": "Boss"})], {"title": "Boss"}),
    (
        "schemas within the value",
        [op("replace", None, {"schemas": [USER], "title": "B"})],
        {"title": "B"},
    ),
    (
        "groups within the value",
        [op("replace", None, {"groups": [], "title": "B"})],
        {"title": "B"},
    ),
    ("nothing that is kept here", [op("replace", None, {"nickName": "A"})], {"title": "Clerk"}),
    ("a date of ours", [op("add", f"{OURS}:hireDate", "2024-03-01")], {"hireDate": "2024-03-01"}),
    ("a boolean of ours as text", [op("add", "remote", "True")], {"remote": True}),
]


@pytest.mark.parametrize(
    ("operations", "wanted"), [row[1:] for row in USER_ROWS], ids=[row[0] for row in USER_ROWS]
)
async def test_a_user_patch_in_this_habit_is_applied(
    door: Door, operations: list[dict[str, Any]], wanted: dict[str, Any]
) -> None:
    user = await door.user(**BEFORE)

    answer = await door.patch(f"/Users/{user['id']}", *operations)

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == user["id"]
    attributes = await door.attributes(user)
    assert {name: attributes.get(name) for name in wanted} == wanted


ACTIVE_ROWS = [
    ("text False with a path", [op("Replace", "active", "False")]),
    ("text false", [op("replace", "active", "false")]),
    ("boolean", [op("replace", "active", False)]),
    ("no path", [op("replace", None, {"active": False})]),
    ("no path, text", [op("Replace", None, {"active": "False"})]),
]


@pytest.mark.parametrize(
    "operations", [row[1] for row in ACTIVE_ROWS], ids=[row[0] for row in ACTIVE_ROWS]
)
async def test_a_deactivation_in_this_habit_ends_access(
    door: Door, operations: list[dict[str, Any]]
) -> None:
    user = await door.user(**BEFORE)

    answer = await door.patch(f"/Users/{user['id']}", *operations)

    assert answer.json()["active"] is False
    assert await door.state(user) == "DEACTIVATED"


GROUP_ROWS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("add one", [op("add", "members", [{"value": "C"}])], ["A", "B", "C"]),
    ("add with $ref null", [op("Add", "members", [{"$ref": None, "value": "C"}])], ["A", "B", "C"]),
    ("add as object", [op("Add", "members", {"value": "C"})], ["A", "B", "C"]),
    ("add as texts", [op("add", "members", ["C"])], ["A", "B", "C"]),
    ("add without path", [op("add", None, {"members": [{"value": "C"}]})], ["A", "B", "C"]),
    (
        "several memberships in one PATCH",
        [op("Add", "members", [{"value": "C"}]), op("Remove", "members", [{"value": "A"}])],
        ["B", "C"],
    ),
    ("remove by filter", [{"op": "remove", "path": 'members[value eq "A"]'}], ["B"]),
    ("remove by list", [op("Remove", "members", [{"value": "A"}])], ["B"]),
    (
        "remove by list with $ref null",
        [op("Remove", "members", [{"$ref": None, "value": "A"}])],
        ["B"],
    ),
    ("remove all", [{"op": "remove", "path": "members"}], []),
    ("replace all", [op("replace", "members", [{"value": "C"}])], ["C"]),
    ("replace by nobody", [op("replace", "members", [])], []),
    (
        "replace without path",
        [op("replace", None, {"members": [{"value": "C"}, {"value": "A"}]})],
        ["A", "C"],
    ),
    ("add nobody", [op("add", "members", [])], ["A", "B"]),
    (
        "remove and add at once",
        [
            {"op": "remove", "path": 'members[value eq "A"]'},
            op("add", "members", [{"value": "C", "display": "c"}]),
        ],
        ["B", "C"],
    ),
    (
        "the name with the id inside",
        [op("replace", None, {"id": "G", "displayName": "Guides"})],
        ["A", "B"],
    ),
]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """The row with real ids in the place of letters."""
    match value:
        case str():
            return ids.get(value, value.replace('"A"', f'"{ids["A"]}"'))
        case dict():
            return {key: filled(inner, ids) for key, inner in value.items()}
        case list():
            return [filled(inner, ids) for inner in value]
    return value


@pytest.mark.parametrize(
    ("operations", "wanted"), [row[1:] for row in GROUP_ROWS], ids=[row[0] for row in GROUP_ROWS]
)
async def test_a_group_patch_in_this_habit_is_applied(
    door: Door, operations: list[dict[str, Any]], wanted: list[str]
) -> None:
    people = {letter: await door.user(letter.lower()) for letter in "ABC"}
    group = await door.group(members=[people["A"], people["B"]])
    ids = {letter: user["id"] for letter, user in people.items()} | {"G": group["id"]}

    answer = await door.patch(f"/Groups/{group['id']}", *filled(operations, ids))

    assert (answer.status_code, answer.content) == (204, b"")
    after = (await door.get(f"/Groups/{group['id']}")).json()
    letters = {id: letter for letter, id in ids.items()}
    assert sorted(letters[each["value"]] for each in after.get("members", [])) == wanted


async def test_a_body_with_nulls_and_bare_names_is_understood(door: Door) -> None:
    user = await door.user(
        schemas=[USER, ENTERPRISE, "urn:something:else:2.0:User"],
        nickName=None,
        department=None,
        manager=None,
        division="D",
        phoneNumbers=[],
        title="",
        id="mine",
        meta={"resourceType": "User"},
        groups=[],
        password="secret",
    )

    attributes = await door.attributes(user)

    assert attributes["division"] == "D"
    assert "title" not in user
    assert "department" not in attributes
    assert "password" not in user
    assert user["id"] != "mine"
    assert (await door.health()).dropped == {"password": 1}


async def test_a_group_with_an_extra_schema_is_created(door: Door) -> None:
    extra = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

    answer = await door.http.post(
        "/Groups",
        json={
            "schemas": [GROUP, extra],
            "externalId": "8aa1",
            "displayName": "T",
            "meta": {"resourceType": "Group"},
        },
    )

    assert answer.status_code == 201
    assert answer.json()["schemas"] == [GROUP]


async def test_what_has_no_place_here_is_counted_by_name(door: Door) -> None:
    user = await door.user(
        nickName="A", shoeSize=44, emails=[{"value": "a@b.example", "color": "red"}]
    )
    await door.patch(f"/Users/{user['id']}", op("replace", None, {"shoeSize": 45}))
    await door.patch(f"/Users/{user['id']}", op("replace", "nickName", "B"))

    health = await door.health()

    assert health.dropped == {"nickName": 2, "shoeSize": 2, "emails.color": 1}
    assert health.dropped_count == 5


@pytest.mark.parametrize(
    "path", ["shoeSize", "name.shoeSize", "urn:nobody:User:x", "title title", "", "[]", "a[b"]
)
async def test_a_path_that_names_nothing_known_is_refused(door: Door, path: str) -> None:
    user = await door.user(**BEFORE)

    answer = await door.patch(f"/Users/{user['id']}", {"op": "replace", "path": path, "value": "x"})

    assert errors_of(answer)[0] == 400
    assert (await door.attributes(user))["title"] == "Clerk"


async def test_an_administrators_attribute_is_not_overwritten(door: Door) -> None:
    user = await door.user(**{OURS: {"level": 3, "hireDate": "2024-03-01"}})

    assert "level" not in await door.attributes(user)
    assert (await door.health()).dropped == {f"{OURS}:level": 1}


async def test_put_without_active_does_not_reenable_a_leaver(door: Door) -> None:
    user = await door.user(**BEFORE)
    await door.patch(f"/Users/{user['id']}", op("replace", "active", False))

    answer = await door.http.put(
        f"/Users/{user['id']}",
        json={"schemas": [USER], "userName": "ada@acme.example", "title": "Boss"},
    )

    assert answer.json()["active"] is False
    assert answer.json()["title"] == "Boss"
    assert await door.state(user) == "DEACTIVATED"


async def test_a_repeated_put_does_not_undo_what_an_administrator_ended(door: Door) -> None:
    user = await door.user(**BEFORE)
    async with door.world.edge.transaction() as db:
        from sqlalchemy import text

        await db.execute(text("UPDATE member SET state = 'DEACTIVATED'"))

    await door.http.put(f"/Users/{user['id']}", json={**user, "title": "Boss"})

    assert await door.state(user) == "DEACTIVATED"


async def test_empty_texts_then_nulls_read_back_as_absent(door: Door) -> None:
    user = await door.user(**BEFORE)
    names = [
        "title",
        "displayName",
        "name.givenName",
        f"{ENTERPRISE}:department",
        'emails[type eq "work"].value',
    ]

    for empty in ("", None):
        answer = await door.patch(
            f"/Users/{user['id']}", *[op("replace", name, empty) for name in names]
        )
        assert answer.status_code == 200

    after = (await door.get(f"/Users/{user['id']}")).json()
    assert "title" not in after
    assert "displayName" not in after
    assert "givenName" not in after.get("name", {})
    assert "department" not in after.get(ENTERPRISE, {})
    assert [each for each in after.get("emails", []) if "value" in each] == []
    assert "emails" not in await door.attributes(user)


@pytest.mark.parametrize(
    "filter",
    [
        'userName eq "ADA@acme.example"',
        'externalId eq "00u1"',
        "externalId eq 00u1",
        'emails[type eq "work"].value eq "ada@acme.example"',
        'emails[type eq "work" and value eq "ADA@acme.example"]',
        'emails eq "ada@acme.example"',
        'department eq "sales"',
        'manager eq "m1"',
        f'{ENTERPRISE}:manager.value eq "m1"',
        'userName eq "ada@acme.example" and active eq true',
        'title eq "Clerk" or title eq "Boss"',
        'not (title eq "Boss")',
        'userName sw "ada" and name.familyName co "yro"',
        "title pr",
    ],
)
async def test_a_filter_in_this_form_finds_the_user(door: Door, filter: str) -> None:
    user = await door.user(**BEFORE)
    await door.user("bob", title="Boss" if "not" in filter else "Smith" * ("pr" not in filter))

    found = (await door.get("/Users", filter=filter)).json()

    assert [each["id"] for each in found["Resources"]] == [user["id"]]
    assert found["totalResults"] == 1


async def test_the_manager_check_of_entra_is_answered(door: Door) -> None:
    user = await door.user(**BEFORE)

    yes = (
        await door.get(
            "/Users", filter=f'id eq "{user["id"]}" and manager eq "m1"', attributes="id"
        )
    ).json()
    no = (
        await door.get(
            "/Users", filter=f'id eq "{user["id"]}" and manager eq "m2"', attributes="id"
        )
    ).json()

    assert (yes["totalResults"], no["totalResults"]) == (1, 0)


async def test_a_membership_is_checked_by_filter(door: Door) -> None:
    ada, bob = await door.user("ada"), await door.user("bob")
    group = await door.group(members=[ada])

    async def total(filter: str) -> int:
        answer = await door.get("/Groups", filter=filter, excludedAttributes="members")
        return int(answer.json()["totalResults"])

    assert await total(f'id eq "{group["id"]}" and members eq "{ada["id"]}"') == 1
    assert await total(f'id eq "{group["id"]}" and members eq "{bob["id"]}"') == 0
    assert await total(f'members[value eq "{ada["id"]}"]') == 1
    assert await total(f'members.value eq "{bob["id"]}"') == 0


async def test_bracketed_attributes_are_understood(door: Door) -> None:
    user = await door.user(**BEFORE)

    answer = await door.get(f"/Users/{user['id']}", attributes='emails[type eq "work"],userName')

    assert set(answer.json()) == {"schemas", "id", "emails", "userName"} | (
        {"meta"} & set(answer.json())
    )


async def test_operations_key_is_found_in_any_case(door: Door) -> None:
    user = await door.user(**BEFORE)

    answer = await door.http.patch(
        f"/Users/{user['id']}",
        json={"schemas": [PATCH], "operations": [op("replace", "title", "Boss")]},
    )

    assert answer.json()["title"] == "Boss"
