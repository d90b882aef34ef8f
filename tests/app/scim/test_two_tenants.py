"""Two workspaces, and two connections of one workspace, never meet."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.identity import ConnectionKind
from tests.app.scim.conftest import PATCH, USER, Door, application, client, connect, errors_of
from tests.world import World


async def test_what_one_tenant_has_another_does_not_see(
    sessions: async_sessionmaker[AsyncSession], door: Door
) -> None:
    ada = await door.user("ada", externalId="e1")
    group = await door.group(members=[ada])
    other = await World.new(sessions, "globex")
    connection = await connect(other)
    app = application(other, door.connection, connection)
    async with client(app, connection) as http:
        theirs = Door(other, connection, http)
        bob = await theirs.user("bob")
        their_group = await theirs.group()

        for path in (f"/Users/{ada['id']}", f"/Groups/{group['id']}"):
            patch = {
                "schemas": [PATCH],
                "Operations": [{"op": "add", "path": "externalId", "value": "x"}],
            }
            answers = [
                await http.get(path),
                await http.put(path, json={"schemas": [USER], "userName": "x", "displayName": "x"}),
                await http.patch(path, json=patch),
                await http.delete(path),
            ]
            assert [errors_of(each)[0] for each in answers] == [404] * 4
        found = await http.get("/Users", params={"filter": 'externalId eq "e1"'})
        everybody = await http.get("/.search".replace(".search", "Users"))
        add = {"op": "add", "path": "members", "value": [{"value": ada["id"]}]}
        added = await theirs.patch(f"/Groups/{their_group['id']}", add)
        same = await http.post(
            "/Users", json={"schemas": [USER], "userName": "ada@acme.example", "externalId": "e1"}
        )

    assert found.json()["totalResults"] == 0
    assert [each["id"] for each in everybody.json()["Resources"]] == [bob["id"]]
    assert errors_of(added)[0] == 400
    assert same.status_code == 201
    assert (await door.get(f"/Users/{ada['id']}")).json()["externalId"] == "e1"


async def test_the_token_says_the_connection_whatever_the_address(world: World, door: Door) -> None:
    ada = await door.user()
    second = await connect(world, "Entra")
    async with client(application(world, door.connection, second), second) as http:
        unknown = await http.get(f"/Users/{ada['id']}")
        managed = await http.post(
            "/Users", json={"schemas": [USER], "userName": "ADA@acme.example"}
        )

    assert errors_of(unknown)[0] == 404
    assert errors_of(managed) == (409, "uniqueness")


async def test_somebody_added_by_hand_is_adopted_by_user_name(world: World, door: Door) -> None:
    member_id = await world.member("Ada", title="By hand", skills=["welding"])

    ada = await door.user("ADA", title="Boss", emails=[{"value": "x@y.example"}])
    other = await door.user("grace", emails=[{"value": "ada@acme.example", "primary": True}])

    row = await door.one(
        "SELECT member_id FROM directory_person WHERE user_name = 'ADA@acme.example'"
    )
    assert row[0] == member_id
    attributes = await door.attributes(ada)
    assert (attributes["title"], attributes["skills"]) == ("Boss", ["welding"])
    assert await door.state(other) == "ACTIVE"
    assert len(await door.many("SELECT 1 FROM member")) == 2


async def test_a_webhook_connection_does_not_speak_scim(world: World, door: Door) -> None:
    from sqlalchemy import text

    async with world.edge.transaction() as db:
        await db.execute(
            text("UPDATE connection SET kind = :kind"), {"kind": ConnectionKind.WEBHOOK}
        )

    assert errors_of(await door.get("/Users"))[0] == 403
