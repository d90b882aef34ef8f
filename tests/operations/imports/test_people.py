"""Files of people: who is added, who is changed, who stays as is, and why a row is refused (X5)."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal
from models.identity import Connection, ConnectionKind, DirectoryPerson
from models.jobs import JobState
from models.people import MemberState
from operations.imports.trying import attempt
from operations.jobs import working as runs
from operations.refusals import Code, Denied, Refused
from sync_engine.markers import Lane
from tests.operations.imports.bringing import Bringing, imported, known, refused, scalar
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("X5")

WHO = ("User name", "E-mail", "Name", "Department", "Level", "Remote", "Hire date", "Skills")


async def test_rows_add_change_and_leave_alone(office: World) -> None:
    rows = [
        ["nina@x.example", "nina@x.example", "Nina Ng", "Sales", "3", "yes", "2026-03-01", "a; b"],
        ["lea@acme.example", "", "", "Support", "", "", "", ""],
        ["lea@acme.example", "", "Lea", "", "", "", "", ""],
        ["mona@acme.example", "MONA@acme.example", "Mona", "", "", "", "", ""],
    ]

    assert await imported(office, WHO, *rows) == ["CREATED", "UPDATED", "REFUSED", "UNCHANGED"]

    now = await known(office)
    assert now["nina@x.example"] == {
        "userName": "nina@x.example",
        "displayName": "Nina Ng",
        "emails": ["nina@x.example"],
        "department": "Sales",
        "level": 3,
        "remote": True,
        "hireDate": "2026-03-01",
        "skills": ["a", "b"],
    }
    assert now["lea@acme.example"]["department"] == "Support"
    assert now["mona@acme.example"]["emails"] == ["mona@acme.example"]
    again = await imported(office, WHO, *rows)
    assert again == ["UNCHANGED", "UNCHANGED", "REFUSED", "UNCHANGED"]


async def test_who_is_added_is_pending_and_invited_by_nobody(office: World) -> None:
    await imported(office, ["E-mail"], ["nina@x.example"])

    assert await scalar(office, "SELECT state FROM member WHERE email = 'nina@x.example'") == (
        MemberState.PENDING
    )
    assert await scalar(office, "SELECT count(*) FROM invitation_due") == 0
    assert await scalar(office, "SELECT count(*) FROM mail") == 0


async def test_trying_writes_nothing(office: World) -> None:
    before, verbs = await known(office), await office.verbs()
    rows = [["n@x.example", "1"], ["lea@acme.example", "2"]]
    bringing = Bringing(office, ["E-mail", "Level"], rows)

    assert await bringing.check() == ["CREATED", "UPDATED"]

    assert await known(office) == before
    assert await office.verbs() == [*verbs, "import.requested", "import.checked"]
    assert (await bringing.look()).state is JobState.CHECKED


@pytest.mark.parametrize(
    ("title", "cell", "sentence"),
    [
        ("Level", "many", "“Level” says “many”, which is not a number such as 3 or 2.5"),
        ("Level", "1,5", "which is not a number"),
        ("Remote", "perhaps", "“Remote” says “perhaps”, which is not yes or no"),
        ("Hire date", "1.3.2026", "which is not a date such as 2026-03-01"),
        ("Hire date", "2026-02-30", "which is not a date"),
        ("Department", "x" * 1001, "which has 1001 characters; at most 1000 are kept"),
        ("E-mail", "nobody", "is not one e-mail address"),
        ("Name", "x" * 201, "has 201 characters; at most 200 are kept"),
        ("Nickname", "Nin", "Only the member writes nickname"),
        ("Groups", "Team Leads", "Groups follow the directory's groups"),
    ],
)
async def test_a_cell_that_does_not_fit_refuses_its_row_alone(
    office: World, title: str, cell: str, sentence: str
) -> None:
    titles, new = ["User name", title], ["nina", cell]

    assert sentence in await refused(office, titles, new, ["omar", ""])
    assert sentence in await refused(office, titles, ["lea@acme.example", cell])


async def test_what_a_provider_writes_of_its_own_people_stays(office: World) -> None:
    await managed(office, "Lea")
    await office.change("Lea", department="Sales")
    titles = ["User name", "Department", "Level"]

    row = ["lea@acme.example", "Support", "3"]
    assert "An identity provider manages this person" in await refused(office, titles, row)
    assert await imported(office, titles, ["lea@acme.example", "Sales", "3"]) == ["UPDATED"]


async def test_what_is_stored_already_refuses_nothing_whoever_owns_it(office: World) -> None:
    await managed(office, "Lea")
    await office.change("Lea", nickname="Lulu", groups=["Team Leads", "Drivers"])
    titles = ["User name", "Nickname", "Groups"]

    row = ["lea@acme.example", "Lulu", "Team Leads, Drivers"]
    assert await imported(office, titles, row) == ["UNCHANGED"]


async def test_the_person_of_an_earlier_line_is_refused_across_batches_too(office: World) -> None:
    rows = [
        ["nina", "n@x.example", "1"],
        ["omar", "", "1"],
        ["lea@acme.example", "new@x.example", "1"],
        ["", "N@X.example", "2"],
        ["OMAR", "", "2"],
        ["", "lea@acme.example", "2"],
        ["", "new@x.example", "2"],
    ]
    for batch in (500, 2, 1):
        bringing = Bringing(office, ["User name", "E-mail", "Level"], rows, batch=batch)
        checked = await bringing.check()
        assert checked[3:] == ["REFUSED"] * 4
        sentences = [message or "" for _, message in (await bringing.refusals()).values()]
        assert [each.split(" again")[0][-1] for each in sentences] == ["2", "3", "4", "4"]
        assert await bringing.apply() == checked

    assert {each["level"] for each in (await known(office)).values() if "level" in each} == {1}


@pytest.mark.parametrize("batch", [500, 1])
async def test_whose_names_a_row_changes_stays_the_person_of_that_row(
    office: World, batch: int
) -> None:
    """Trying and doing say the same, though only doing makes the old names free."""
    await office.change("Lea", emails=["lea@home.example"])
    rows = [
        ["lea.new", "lea@home.example"],
        ["lea@acme.example", ""],
        ["cora@acme.example", "cora@home.example"],
        ["", "cora@acme.example"],
        ["cora@home.example", ""],
    ]

    became = await imported(office, ["User name", "E-mail"], *rows, batch=batch)

    assert became == ["UPDATED", "REFUSED", "UPDATED", "REFUSED", "CREATED"]


async def test_a_row_that_was_refused_is_nobody_s_first(office: World) -> None:
    rows = [["nina", "many"], ["nina", "3"], ["nina", "4"]]

    assert await imported(office, ["User name", "Level"], *rows, batch=1) == [
        "REFUSED",
        "CREATED",
        "REFUSED",
    ]
    assert (await known(office))["nina"]["level"] == 3


async def test_whom_an_address_does_not_tell_apart_has_to_be_named(office: World) -> None:
    await office.member("Twin", emails=["both@acme.example"])
    await office.change("Lea", emails=["both@acme.example"])
    titles = ["User name", "E-mail", "Level"]

    of_two = await refused(office, titles, ["lea@acme.example", "mona@acme.example", "1"])
    assert of_two.startswith("The user name is one member's, the address another's")
    of_both = await refused(office, titles, ["", "both@acme.example", "1"])
    assert of_both == "2 members have this address; say the user name of one."
    row = ["twin@acme.example", "both@acme.example", "1"]
    assert await imported(office, titles, row) == ["UPDATED"]


async def test_a_new_address_takes_the_place_of_the_old_one(office: World) -> None:
    await office.change("Lea", emails=["lea@acme.example", "lea@home.example"])
    row = ["lea@acme.example", "lea@new.example"]

    assert await imported(office, ["User name", "E-mail"], row) == ["UPDATED"]

    assert (await known(office))["lea@acme.example"]["emails"] == [
        "lea@new.example",
        "lea@home.example",
    ]
    assert await imported(office, ["User name", "E-mail"], row) == ["UNCHANGED"]


async def test_a_user_name_is_changed_for_whom_the_address_tells(office: World) -> None:
    await office.change("Lea", emails=["lea@home.example"])
    row = ["lea.new", "lea@home.example"]

    assert await imported(office, ["User name", "E-mail"], row) == ["UPDATED"]
    assert "lea.new" in await known(office)
    assert await imported(office, ["User name", "E-mail"], row) == ["UNCHANGED"]


async def test_what_somebody_is_called_is_what_the_file_says(office: World) -> None:
    titles = ["User name", "Name", "First name", "Last name"]
    row = ["lea@acme.example", "Lea", "Lea", "Lund"]

    assert await imported(office, titles, row) == ["UPDATED"]
    assert await imported(office, titles, row) == ["UNCHANGED"]
    row = ["lea@acme.example", "Lea Lund", "", ""]
    assert await imported(office, titles, row) == ["UPDATED"]
    assert (await known(office))["lea@acme.example"]["displayName"] == "Lea Lund"


async def test_who_may_only_add_people_describes_nobody(office: World) -> None:
    titles = ["User name", "E-mail", "Name", "Department"]
    rows = [
        ["", "nina@x.example", "Nina", ""],
        ["", "omar@x.example", "Omar", "Sales"],
        ["boss", "pia@x.example", "Pia", ""],
        ["", "lea@acme.example", "Lea", ""],
        ["", "cora@acme.example", "Coraline", ""],
        ["", "ines@acme.example", "", "Sales"],
    ]

    bringing = Bringing(office, titles, rows, by="Ivo")
    checked = await bringing.check()
    refusals = await bringing.refusals()

    assert checked == ["CREATED", "REFUSED", "REFUSED", "UNCHANGED", "REFUSED", "REFUSED"]
    assert {code for code, _ in refusals.values()} == {"PERMISSION_DENIED"}
    assert all("EDIT_ATTRIBUTE_SCHEMA" in (message or "") for _, message in refusals.values())
    assert await bringing.apply() == checked
    again = await imported(office, titles, *rows, by="Ivo")
    assert again == ["UNCHANGED", *checked[1:]]
    assert "department" not in (await known(office))["nina@x.example"]


async def test_nobody_brings_people_who_may_not_add_them(office: World) -> None:
    for name in ("Cora", "Ines", "Lea"):
        with pytest.raises(Denied) as denied:
            await Bringing(office, ["E-mail"], [], by=name).bring()
        assert denied.value.permission is Permission.ADD_MEMBER


async def test_who_lost_the_right_does_no_further_batch_and_what_was_done_stays(
    office: World,
) -> None:
    rows = [[f"p{n}@x.example"] for n in range(6)]
    bringing = Bringing(office, ["E-mail"], rows, by="Ivo")
    await bringing.check()
    await bringing.confirm()
    job = await bringing.claim()
    await bringing.do(job, bringing.said[:4])
    await office.take("Ivo", Principal.INVITE)

    with pytest.raises(Denied):
        await bringing.do(job, bringing.said[4:])
    async with office.edge.transaction() as db:
        assert await runs.fail(
            db, job_id=job.id, run=job.runs, problem="X", message="Not any more.", at=MONDAY
        )

    after = await bringing.look()
    assert after.message == (
        "Not any more. The rows up to line 5 were done before and stay so: "
        "4 created, 0 updated, 0 unchanged, 0 refused."
    )
    assert sum(each.startswith("p") for each in await known(office)) == 4
    entry = await scalar(office, "SELECT detail FROM journal_entry WHERE verb = 'import.failed'")
    assert (entry["problem"], entry["created"], entry["refused"]) == ("X", 4, 0)


async def test_many_people_are_bulk_work_for_the_engine_and_few_are_not(office: World) -> None:
    lanes = "SELECT array_agg(DISTINCT lane) FROM dirty_member"
    await scalar(office, "SELECT 1")
    async with office.edge.transaction() as db:
        await db.execute(text("DELETE FROM dirty_member"))
    await imported(office, ["User name"], *[[f"p{n}"] for n in range(21)])
    assert await scalar(office, lanes) == [Lane.BULK]

    await imported(office, ["User name"], *[[f"q{n}"] for n in range(20)])
    assert await scalar(office, lanes) == [Lane.INTERACTIVE, Lane.BULK]


@pytest.mark.parametrize("count", [3, 300])
async def test_a_batch_takes_as_many_statements_as_a_row(
    office: World, statements: list[str], count: int
) -> None:
    for n in range(count):
        if n < 100:
            await office.member(f"Old{n}", state=MemberState.PENDING)
    titles = ["User name", "E-mail", "Level", "Hire date"]
    old = [[f"old{n}@acme.example", f"o{n}@x.example", "3", "2026-01-01"] for n in range(count)]
    new = [[f"new{n}", f"n{n}@x.example", "3", "2026-01-01"] for n in range(count)]
    bringing = Bringing(office, titles, [*old[:100], *new, ["lea@acme.example", "", "many", ""]])
    await bringing.bring()
    job = await bringing.claim()
    plan = await bringing.plan()
    said = bringing.said[:500]

    statements.clear()
    async with office.edge.transaction() as db:
        by = office.caller("Mona")
        await attempt(db, by=by, job=job, plan=plan, rows=said, at=MONDAY, dry_run=True)
    assert len(statements) == 7

    await bringing.work(job)
    await bringing.confirm()
    job = await bringing.claim()
    statements.clear()
    await bringing.do(job, said)
    assert len(statements) == 23


async def test_two_companies_never_meet(
    office: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "other")
    await other.member("Mona")
    await other.grant("Mona", Principal.WORKSPACE_MANAGER)
    before = await known(office)
    rows = [["lea@acme.example", "lea@acme.example", "Sales"]]
    titles = ["User name", "E-mail", "Department"]

    assert await imported(other, titles, *rows) == ["CREATED"]

    assert await known(office) == before
    theirs = Bringing(other, titles, rows)
    await theirs.check()
    mine = Bringing(office, titles, rows, job_id=theirs.job_id)
    with pytest.raises(Refused) as refusal:
        await mine.confirm()
    assert refusal.value.code is Code.NOT_FOUND


async def managed(world: World, name: str) -> None:
    """From now on an identity provider manages this person."""
    async with world.edge.transaction() as db:
        connection = Connection(
            workspace_id=world.workspace_id,
            kind=ConnectionKind.SCIM,
            name="Entra",
        )
        db.add(connection)
        await db.flush()
        db.add(
            DirectoryPerson(
                workspace_id=world.workspace_id,
                connection_id=connection.id,
                user_name=name.lower(),
                member_id=world.members[name],
            )
        )
