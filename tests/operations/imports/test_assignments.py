"""Files of who is to learn: in which groups, until when, and why a row is refused (X5)."""

import datetime as dt

import pytest

from access.permissions import Permission, Principal
from models.jobs import JobKind
from models.people import MemberState
from operations.imports import asking
from operations.imports.trying import attempt
from operations.jobs.rights import LIMITED_TO
from operations.refusals import Code, Denied, Refused
from tests.operations.imports.bringing import Bringing, imported, refused
from tests.operations.learning.enrolling import due, learners, rows
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("X5")

CHRISTMAS = dt.datetime(2026, 12, 24, 22, 59, 59, tzinfo=dt.UTC)


async def assigned(world: World, titles: list[str], *cells: list[str], **more: str) -> list[str]:
    return await imported(world, titles, *cells, **{"course": "Safety", "by": "Cora", **more})


async def test_people_are_told_by_user_name_address_or_number(office: World) -> None:
    titles = ["ID", "User name", "E-mail"]
    lea, ivo = office.members["Lea"], office.members["Ivo"]
    said = [
        [str(lea), "", ""],
        ["", "IVO@acme.example", ""],
        ["", "", "Mona@acme.example"],
        ["", "nobody", ""],
        [str(ivo), "lea@acme.example", ""],
        ["987654", "", ""],
        ["ada", "", ""],
    ]

    became = await assigned(office, titles, *said)

    assert became == ["CREATED"] * 3 + ["REFUSED"] * 4
    assert await learners(office, "Safety") == {"Lea", "Ivo", "Mona"}
    assert await assigned(office, titles, *said) == ["UNCHANGED"] * 3 + ["REFUSED"] * 4


async def test_each_row_is_refused_as_a_call_would_be(office: World) -> None:
    await office.member("Gone", state=MemberState.DEACTIVATED)
    said = [["gone@acme.example"], ["ines@acme.example"], ["nobody"], ["lea@acme.example"]]
    bringing = Bringing(office, ["User name"], said, by="Cora", course="Safety")

    await bringing.check()

    codes = [code for code, _ in (await bringing.refusals()).values()]
    assert codes == ["MEMBER_DEACTIVATED", "ROLE_CONFLICT", "NOT_FOUND"]
    assert await learners(office, "Safety") == set()


async def test_groups_are_told_by_name(office: World) -> None:
    await office.group("Early", course="Safety")
    await office.group("Late", course="Safety")
    await office.course("Other")
    await office.group("Elsewhere", course="Other")
    titles = ["User name", "Group"]
    said = [
        ["lea@acme.example", "EARLY"],
        ["ivo@acme.example", ""],
        ["lea@acme.example", "Late"],
        ["mona@acme.example", "Elsewhere"],
        ["lea@acme.example", "early"],
    ]

    became = await assigned(office, titles, *said, group="Late")

    assert became == ["CREATED", "CREATED", "CREATED", "REFUSED", "REFUSED"]
    assert {(name, group) for name, _, group, _ in await rows(office, "Safety")} == {
        ("Lea", "Early"),
        ("Ivo", "Late"),
        ("Lea", "Late"),
    }
    sentence = await refused(office, titles, said[3], by="Cora", course="Safety")
    assert sentence == "This course has no group “Elsewhere”. Make it first."


async def test_who_may_only_fill_groups_of_their_own_fills_no_other(office: World) -> None:
    await office.member("Rolf")
    await office.grant("Rolf", Principal.COURSE_ENROLL, course="Safety")
    await office.group("Mine", course="Safety", by="Rolf")
    await office.group("Theirs", course="Safety")
    titles = ["User name", "Group"]
    said = [
        ["lea@acme.example", "Mine"],
        ["ivo@acme.example", "Theirs"],
        ["mona@acme.example", ""],
    ]

    became = await assigned(office, titles, *said, by="Rolf")

    assert became == ["CREATED", "REFUSED", "REFUSED"]
    assert await learners(office, "Safety") == {"Lea"}
    with pytest.raises(Denied):
        await Bringing(office, titles, said, "Rolf", "Safety", "Theirs").bring()


async def test_a_day_means_its_end_where_the_workspace_is(office: World) -> None:
    titles = ["User name", "Due"]
    said = [
        ["lea@acme.example", "2026-12-24"],
        ["ivo@acme.example", "2026-12-24T23:59:59+01:00"],
        ["mona@acme.example", "2026-12-24T23:59:59"],
        ["cora@acme.example", "2026-01-01"],
        ["cora@acme.example", "soon"],
    ]

    became = await assigned(office, titles, *said)

    assert became == ["CREATED"] * 3 + ["REFUSED"] * 2
    assert await due(office, "Safety") == dict.fromkeys(("Lea", "Ivo", "Mona"), CHRISTMAS)
    assert await assigned(office, titles, *said) == ["UNCHANGED"] * 3 + ["REFUSED"] * 2
    later = ["lea@acme.example", "2026-12-31"]
    assert await assigned(office, titles, later) == ["UPDATED"]


async def test_a_date_that_holds_already_is_not_written_again(office: World) -> None:
    await office.group("Early", course="Safety", due_at=CHRISTMAS)
    titles = ["User name", "Group", "Due"]

    assert await assigned(office, titles, ["lea@acme.example", "Early", "2026-12-24"]) == [
        "CREATED"
    ]
    assert "due_date.changed" not in (await office.verbs())[-4:]


async def test_dates_need_the_right_to_dates_row_by_row(office: World) -> None:
    await office.member("Enno")
    await office.grant("Enno", Principal.DEPT_ENROLL, department="Training")
    titles = ["User name", "Due"]
    said = [["lea@acme.example", "2026-12-24"], ["ivo@acme.example", ""]]

    assert await assigned(office, titles, *said, by="Enno") == ["REFUSED", "CREATED"]
    bringing = Bringing(office, titles, said, by="Enno", course="Safety")
    await bringing.check()
    assert [code for code, _ in (await bringing.refusals()).values()] == ["PERMISSION_DENIED"]


async def test_nobody_dates_themself(office: World) -> None:
    titles = ["User name", "Due"]
    said = [["cora@acme.example", "2026-12-24"], ["lea@acme.example", "2026-12-24"]]

    assert await assigned(office, titles, *said) == ["REFUSED", "CREATED"]


async def test_whoever_may_not_look_people_up_learns_nothing_about_them(office: World) -> None:
    """A token for assigning alone shows nobody: those who are there, and those who are not, and
    those who cannot be assigned are all not found."""
    await office.member("Gone", state=MemberState.DEACTIVATED)
    lea = office.members["Lea"]
    titles = ["ID", "User name", "E-mail"]
    said = [
        [str(lea), "", ""],
        ["", "lea@acme.example", ""],
        ["", "", "gone@acme.example"],
        ["", "", "nobody@acme.example"],
    ]
    bringing = Bringing(office, titles, said, by="Cora", course="Safety")
    await bringing.bring()
    job = await bringing.claim()
    limited = [Permission.ASSIGN_LEARNER.value, Permission.VIEW_COURSE_INFO.value]
    job.parameters = {**job.parameters, LIMITED_TO: limited}

    tried = await bringing.do(job, bringing.said)

    assert {(each.outcome.value, each.code, each.message) for each in tried} == {
        ("REFUSED", "NOT_FOUND", "There is no such member.")
    }


async def test_nobody_assigns_by_a_file_who_may_not_by_hand(office: World) -> None:
    office.courses["Nowhere"] = 987_654
    for name, course in (("Lea", "Safety"), ("Mona", "Nowhere")):
        with pytest.raises(Refused) as refusal:
            await Bringing(office, ["E-mail"], [], by=name, course=course).bring()
        assert refusal.value.code is Code.NOT_FOUND
    await office.enrol("Safety", "Lea")
    with pytest.raises(Denied):
        await Bringing(office, ["E-mail"], [], by="Lea", course="Safety").bring()


async def test_who_coordinates_no_more_does_no_further_row(office: World) -> None:
    said = [["lea@acme.example"], ["ivo@acme.example"]]
    bringing = Bringing(office, ["User name"], said, by="Cora", course="Safety")
    await bringing.check()
    await bringing.confirm()
    job = await bringing.claim()
    await bringing.do(job, bringing.said[:1])
    await office.set_state("Cora", MemberState.DEACTIVATED)

    plan, rest = await bringing.plan(), bringing.said[1:]
    async with office.edge.transaction() as db:
        by = office.caller("Cora")
        with pytest.raises(Refused) as refusal:
            await attempt(db, by=by, job=job, plan=plan, rows=rest, at=MONDAY, dry_run=False)
    assert refusal.value.code is Code.NOT_FOUND
    assert await learners(office, "Safety") == {"Lea"}


@pytest.mark.parametrize(
    ("kind", "course"),
    [(JobKind.IMPORT_MEMBERS, "Safety"), (JobKind.IMPORT_ASSIGNMENTS, None), (JobKind.AUDIT, None)],
)
async def test_people_come_into_the_workspace_and_assignments_to_a_course(
    office: World, kind: JobKind, course: str | None
) -> None:
    course_id = office.courses[course] if course else None
    with pytest.raises(Refused) as refusal:
        async with office.edge.transaction() as db:
            await asking.refuse_bringing(
                db, by=office.caller("Mona"), kind=kind, course_id=course_id, group_id=None
            )
    assert refusal.value.code is Code.BAD_USER_INPUT


async def test_a_program_brings_nothing(office: World) -> None:
    by = office.system
    with pytest.raises(Refused):
        async with office.edge.transaction() as db:
            await asking.refuse_bringing(
                db, by=by, kind=JobKind.IMPORT_MEMBERS, course_id=None, group_id=None
            )


async def test_a_group_or_a_course_of_another_company_is_not_there(
    office: World, two_worlds: World
) -> None:
    titles, said = ["User name", "Group"], [["lea@acme.example", "Theirs"]]

    assert await assigned(office, titles, *said) == ["REFUSED"]
    office.groups["Theirs"] = two_worlds.groups["Theirs"]
    with pytest.raises(Refused) as refusal:
        await Bringing(office, titles, said, "Mona", "Safety", "Theirs").bring()
    assert refusal.value.code is Code.NOT_FOUND
    number = [str(two_worlds.members["Zoe"])]
    assert await assigned(office, ["ID"], number) == ["REFUSED"]
    assert await learners(two_worlds, "Safety") == set()
