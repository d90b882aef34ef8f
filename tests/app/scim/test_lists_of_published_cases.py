"""The cases Okta and Microsoft publish for SCIM receivers, as stories of our own."""

from typing import Any

import pytest

from tests.app.scim.conftest import ENTERPRISE, GROUP, OURS, USER, Door, errors_of

ADA = {
    "schemas": [USER],
    "userName": "ada@acme.example",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"value": "ada@acme.example", "type": "work", "primary": True}],
    "active": True,
}


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "Replace", "path": path, "value": value}


@pytest.mark.spec("I1")
async def test_the_eleven_requests_of_okta(door: Door) -> None:
    first = (await door.http.post("/Users", json=ADA)).json()

    listed = (await door.get("/Users", count=1, startIndex=1)).json()
    assert listed["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    assert [type(listed[each]) for each in ("itemsPerPage", "startIndex", "totalResults")] == [
        int
    ] * 3
    [shown] = listed["Resources"]
    assert {"id", "name", "userName", "active", "emails"} <= set(shown)

    alone = (await door.get(f"/Users/{first['id']}")).json()
    assert alone == shown

    nobody = await door.get("/Users", filter='userName eq "abcdefgh@acme.example"')
    assert (nobody.status_code, nobody.json()["totalResults"]) == (200, 0)
    assert nobody.json().get("Resources", []) == []

    assert errors_of(await door.get("/Users/010101001010101011001010101011")) == (404, None)

    body = {
        **ADA,
        "userName": "Rosa@acme.example",
        "name": {"givenName": "Rosa", "familyName": "P"},
    }
    created = await door.http.post("/Users", json=body)
    assert created.status_code == 201
    rosa = created.json()
    assert (rosa["active"], rosa["userName"], rosa["name"]) == (
        True,
        body["userName"],
        body["name"],
    )
    assert (await door.get(f"/Users/{rosa['id']}")).json() == rosa

    assert errors_of(await door.http.post("/Users", json=body)) == (409, "uniqueness")

    shouted = await door.get("/Users", filter='userName eq "ROSA@ACME.EXAMPLE"')
    assert [each["id"] for each in shouted.json()["Resources"]] == [rosa["id"]]

    groups = await door.get("/Groups")
    assert (groups.status_code, groups.json().get("Resources", [])) == (200, [])

    wrong = await door.http.get("/Users", headers={"Authorization": "Bearer wrong"})
    assert errors_of(wrong) == (401, None)
    assert wrong.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.spec("I1")
async def test_users_as_microsofts_kit_makes_them(door: Door) -> None:
    created = await door.http.post("/Users", json={**ADA, "externalId": "e1"})
    ada = created.json()
    path = f"/Users/{ada['id']}"
    assert (created.status_code, created.headers["Location"]) == (201, ada["meta"]["location"])

    updated = await door.patch(path, replace("displayName", "Ada L."), replace("title", "Boss"))
    assert (updated.json()["displayName"], updated.json()["title"]) == ("Ada L.", "Boss")

    manager = await door.user("grace")
    for op, value, shown in [
        ("Add", manager["id"], {"value": manager["id"]}),
        ("Replace", ada["id"], {"value": ada["id"]}),
        ("Replace", "", None),
    ]:
        answer = await door.patch(path, {"op": op, "path": f"{ENTERPRISE}:manager", "value": value})
        assert answer.json().get(ENTERPRISE, {}).get("manager") == shown

    disabled = await door.patch(path, replace("active", "False"))
    assert disabled.json()["active"] is False
    found = (await door.get("/Users", filter='externalId eq "e1"')).json()["Resources"]
    assert [each["active"] for each in found] == [False]
    assert (await door.get(path)).json()["active"] is False

    again = await door.patch(path, replace("active", "True"))
    assert (again.json()["active"], await door.state(ada)) == (True, "ACTIVE")

    assert (await door.http.delete(path)).status_code == 204
    assert errors_of(await door.get(path)) == (404, None)
    assert errors_of(await door.http.delete(path)) == (404, None)
    assert (await door.http.post("/Users", json={**ADA, "externalId": "e1"})).status_code == 201


async def test_every_attribute_can_be_added_replaced_and_removed(door: Door) -> None:
    ada = await door.user()
    for name in [
        "displayName",
        "title",
        "preferredLanguage",
        "userType",
        "name.givenName",
        "name.formatted",
        'emails[type eq "work"].value',
        'addresses[type eq "work"].locality',
        'phoneNumbers[type eq "mobile"].value',
        f"{ENTERPRISE}:employeeNumber",
        f"{ENTERPRISE}:department",
        f"{OURS}:hireDate",
    ]:
        for op, value in [("Add", "one"), ("Replace", "two")]:
            answer = await door.patch(
                f"/Users/{ada['id']}", {"op": op, "path": name, "value": value}
            )
            assert value in answer.text, (name, answer.text)
        answer = await door.patch(f"/Users/{ada['id']}", {"op": "Remove", "path": name})
        assert answer.status_code == 200
        assert '"two"' not in answer.text, name


async def test_groups_as_microsofts_kit_makes_them(door: Door) -> None:
    ada = await door.user()
    created = await door.http.post(
        "/Groups", json={"schemas": [GROUP], "displayName": "Trainers", "externalId": "g1"}
    )
    group = created.json()
    path = f"/Groups/{group['id']}"
    assert created.status_code == 201

    renamed = await door.patch(path, replace("displayName", "Guides"))
    assert renamed.status_code == 204
    assert errors_of(
        await door.http.post("/Groups", json={"schemas": [GROUP], "displayName": "GUIDES"})
    ) == (409, "uniqueness")

    member = {"op": "Add", "path": "members", "value": [{"value": ada["id"]}]}
    assert (await door.patch(path, member)).status_code == 204
    [shown] = (await door.get(path)).json()["members"]
    assert shown == {"value": ada["id"], "$ref": ada["meta"]["location"], "type": "User"}
    assert [each["value"] for each in (await door.get(f"/Users/{ada['id']}")).json()["groups"]] == [
        group["id"]
    ]

    found = await door.get(
        "/Groups", filter='displayName eq "guides"', excludedAttributes="members"
    )
    [listed] = found.json()["Resources"]
    assert (listed["id"], "members" in listed) == (group["id"], False)

    gone = {"op": "Remove", "path": f'members[value eq "{ada["id"]}"]'}
    assert (await door.patch(path, gone)).status_code == 204
    assert "members" not in (await door.get(path)).json()

    replaced = await door.http.put(path, json={**group, "members": [{"value": ada["id"]}]})
    assert [each["value"] for each in replaced.json()["members"]] == [ada["id"]]
    assert (await door.http.delete(path)).status_code == 204
    assert errors_of(await door.get(path)) == (404, None)


async def test_every_mapped_attribute_is_discoverable(door: Door) -> None:
    schemas = {each["id"]: each for each in (await door.get("/Schemas")).json()["Resources"]}

    def names(urn: str) -> set[str]:
        return {each["name"] for each in schemas[urn]["attributes"]}

    assert {"userName", "name", "emails", "addresses", "active", "title"} <= names(USER)
    assert names(USER).isdisjoint({"password", "photos", "ims", "nickName", "x509Certificates"})
    assert {"department", "manager", "employeeNumber", "costCenter"} <= names(ENTERPRISE)
    assert names(OURS) == {"hireDate", "remote"}
    types = (await door.get("/ResourceTypes")).json()["Resources"]
    assert [each["endpoint"] for each in types] == ["/Users", "/Groups"]
    config = (await door.get("/ServiceProviderConfig")).json()
    capabilities = ("patch", "bulk", "filter", "sort", "etag")
    assert all(config[each]["supported"] for each in capabilities)
    assert config["changePassword"]["supported"] is False


async def test_pages_are_stable_and_complete(door: Door) -> None:
    made = [(await door.user(f"user{number:02}"))["id"] for number in range(12)]

    seen: list[str] = []
    for start in (1, 6, 11):
        page = (await door.get("/Users", startIndex=start, count=5)).json()
        assert (page["totalResults"], page["startIndex"]) == (12, start)
        assert page["itemsPerPage"] == len(page["Resources"])
        seen += [each["id"] for each in page["Resources"]]

    assert seen == made
    beyond = (await door.get("/Users", startIndex=10**30, count=5)).json()
    assert (beyond["totalResults"], beyond.get("Resources", [])) == (12, [])
    none = (await door.get("/Users", count=0)).json()
    assert (none["totalResults"], none["itemsPerPage"]) == (12, 0)
    assert (await door.get("/Users", count=-3, startIndex=-1)).status_code == 200


@pytest.mark.parametrize(
    ("sort_by", "order", "wanted"),
    [
        ("userName", "ascending", "abc"),
        ("userName", "descending", "cba"),
        ("title", "ascending", "cab"),
        ("name.familyName", "descending", "acb"),
        ("meta.created", "descending", "cba"),
    ],
)
async def test_results_are_sorted(door: Door, sort_by: str, order: str, wanted: str) -> None:
    for name, title, family in [("a", "Beta", "z"), ("B", "gamma", "X"), ("c", "Alpha", "y")]:
        await door.user(name, title=title, name={"familyName": family})

    answer = await door.get("/Users", sortBy=sort_by, sortOrder=order)

    found = [each["userName"][0].lower() for each in answer.json()["Resources"]]
    assert "".join(found) == wanted


async def test_search_by_post_and_at_the_root(door: Door) -> None:
    ada = await door.user()
    group = await door.group()
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'displayName eq "Trainers" or userName eq "ada@acme.example"',
    }

    everywhere = await door.http.post("/.search", json=body)
    users = await door.http.post(
        "/Users/.search", json={**body, "filter": "userName eq ada@acme.example"}
    )

    assert {each["id"] for each in everywhere.json()["Resources"]} == {ada["id"], group["id"]}
    assert [each["id"] for each in users.json()["Resources"]] == [ada["id"]]


async def test_entity_tags_guard_changes_and_spare_reading(door: Door) -> None:
    ada = await door.user()
    path, tag = f"/Users/{ada['id']}", ada["meta"]["version"]

    same = await door.http.get(path, headers={"If-None-Match": tag})
    first = await door.patch(path, replace("title", "A"), **{"If-Match": tag})
    stale = await door.patch(path, replace("title", "B"), **{"If-Match": tag})
    stale_put = await door.http.put(path, json=ada, headers={"If-Match": tag})
    stale_delete = await door.http.delete(path, headers={"If-Match": tag})

    assert same.status_code == 304
    assert (first.status_code, first.headers["ETag"] == tag) == (200, False)
    assert [errors_of(each)[0] for each in (stale, stale_put, stale_delete)] == [412] * 3
    assert (await door.get(path)).json()["title"] == "A"


async def test_a_patch_that_changes_nothing_keeps_the_version(door: Door) -> None:
    ada = await door.user(title="Clerk")

    answer = await door.patch(f"/Users/{ada['id']}", replace("title", "Clerk"))

    assert answer.json()["meta"]["version"] == ada["meta"]["version"]
    assert await door.world.verbs() == ["workspace.created", "member.added"]


async def test_a_bulk_request_does_what_it_can(door: Door) -> None:
    taken = await door.user("taken")
    operations = [
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "g",
            "data": {
                "schemas": [GROUP],
                "displayName": "T",
                "members": [{"value": "bulkId:u", "$ref": None}],
            },
        },
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {**ADA, "department": "IT"}},
        {
            "method": "post",
            "path": "/Users",
            "bulkId": "x",
            "data": {"schemas": [USER], "userName": "TAKEN@acme.example"},
        },
        {
            "method": "PATCH",
            "path": f"/Users/{taken['id']}",
            "data": {"Operations": [replace("active", "False")]},
        },
        {"method": "DELETE", "path": "/Users/7f0c2f5e-0000-4000-8000-000000000000"},
    ]

    answer = await door.http.post(
        "/Bulk",
        json={
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations,
        },
    )

    assert answer.status_code == 200, answer.text
    assert [each["status"] for each in answer.json()["Operations"]] == [
        "201",
        "201",
        "409",
        "200",
        "404",
    ]
    assert await door.state(taken) == "DEACTIVATED"
    [group] = (await door.get("/Groups")).json()["Resources"]
    [member] = group["members"]
    ada = (await door.get(f"/Users/{member['value']}")).json()
    assert ada[ENTERPRISE] == {"department": "IT"}
    verbs = await door.world.verbs()
    assert verbs.count("member.added") == 2


async def test_a_workspaces_own_attributes_are_attributes_of_its_users(door: Door) -> None:
    from operations import attributes
    from sync_engine.rules import Attribute, AttributeType, Owner

    own = [
        ("badge", AttributeType.IDENTIFIER),
        ("hr.grade", AttributeType.NUMBER),
        ("tools", AttributeType.STRING_LIST),
        ("union", AttributeType.BOOLEAN),
    ]
    async with door.world.edge.transaction() as db:
        await attributes.edit(
            db,
            by=door.world.system,
            define=[Attribute(name, type, Owner.IDENTITY_PROVIDER) for name, type in own],
        )

    ada = await door.user(
        **{OURS: {"badge": "B7", "hr_grade": 3.5, "tools": ["saw"], "union": "True"}}
    )
    await door.patch(
        f"/Users/{ada['id']}", {"op": "add", "path": f"{OURS}:tools", "value": ["axe"]}
    )

    known = await door.attributes(ada)
    assert {name: known[name] for name, _ in own} == {
        "badge": "B7",
        "hr.grade": 3.5,
        "tools": ["saw", "axe"],
        "union": True,
    }
