"""Files as they are made: what is in them, for whom, and what becomes of those that come to
nothing."""

import datetime as dt
import hashlib
import io
from dataclasses import replace

import pytest
from openpyxl import load_workbook

from access.permissions import Permission
from models.jobs import FileFormat, JobState
from models.people import MemberState
from models.progress import ProgressState
from resolvers.ids import encode
from resolvers.learning.learner_search import LearnerFilter
from tests.files import Files, no_longer_coordinates

pytestmark = pytest.mark.timeout(120)

ACCOUNT = {"User name", "E-mail", "Account"}


async def names(files: Files, by: str) -> list[str]:
    return [each["Name"] for each in await files.lines_of(await files.learners(by))]


@pytest.mark.spec("X5", "C2")
async def test_a_file_of_learners_has_the_people_its_asker_may_list(files: Files) -> None:
    for who, whom in {
        "Mona": ["Lea", "Luc", "Lux"],
        "Cora": ["Lea", "Luc", "Lux"],
        "Enno": ["Luc"],
        "Lea": ["Lea"],
    }.items():
        assert await names(files, who) == whom, who


@pytest.mark.spec("X5", "C2")
async def test_columns_nobody_may_read_are_not_there(files: Files) -> None:
    [luc] = await files.lines_of(await files.learners("Enno"))
    shown = await files.lines_of(await files.learners("Mona"))
    lea_alone = await files.lines_of(await files.learners("Lea"))

    assert shown[0]["E-mail"] == "lea@acme.example"
    assert shown[2]["Account"] == "PENDING"
    assert luc["Groups"] == shown[1]["Groups"] == "Early"
    assert not ACCOUNT & lea_alone[0].keys()


@pytest.mark.spec("X5")
async def test_a_list_is_narrowed_and_ordered_as_it_was_asked_for(files: Files) -> None:
    narrowed = LearnerFilter(member_state=[MemberState.PENDING], state=[ProgressState.NOT_STARTED])
    found = await files.lines_of(await files.learners("Mona", filter=narrowed))
    downward = await files.lines_of(await files.learners("Mona", search="lu", descending=True))

    assert [each["Name"] for each in found] == ["Lux"]
    assert [each["Name"] for each in downward] == ["Lux", "Luc"]


@pytest.mark.spec("X5")
async def test_a_workbook_of_members_says_all_that_is_known_of_them(files: Files) -> None:
    job = await files.members("Mona", format=FileFormat.XLSX, search="Lea")
    book = load_workbook(io.BytesIO(await files.bytes_of(job)))
    titles, row = book["Members"].iter_rows(values_only=True)
    done = await files.look(job)

    lea = dict(zip(titles, row, strict=True))
    assert lea["Name"] == "Lea"
    assert lea["department"] == "Sales"
    assert lea["Account"] == "ACTIVE"
    assert lea["emails"] == "lea@acme.example"
    assert (done.done, done.total) == (1, 1)
    assert done.file_name is not None
    assert done.file_name.startswith("Members 20")
    assert done.file_name.endswith(".xlsx")


@pytest.mark.spec("X5", "C2")
async def test_a_file_of_the_log_has_what_its_asker_may_see_of_it(files: Files) -> None:
    whole = await files.lines_of(await files.audit("Mona"))
    part = await files.lines_of(await files.audit("Dora"))

    assert [int(each["Number"]) for each in whole] == list(range(1, len(whole) + 1))
    assert "From" in whole[0]
    assert "From" not in part[0]
    assert 0 < len(part) < len(whole)
    assert {
        each["What"] for each in await files.lines_of(await files.audit("Mona", verbs=["member.*"]))
    } == {"member.added"}


async def test_what_a_file_is_says_its_row(files: Files) -> None:
    job = await files.learners("Cora")
    data = await files.bytes_of(job)
    done = await files.look(job)

    assert (done.size, done.sha256) == (len(data), hashlib.sha256(data).digest())
    assert done.expires_at is not None
    assert done.finished_at is not None
    assert done.expires_at - done.finished_at == dt.timedelta(days=7)
    assert files.held() == {done.output_key}
    assert (await files.world.verbs())[-2:] == ["export.requested", "export.finished"]


async def test_a_file_is_kept_for_so_many_days_and_its_bytes_no_longer(files: Files) -> None:
    job = await files.made(await files.learners("Cora"))
    assert job.expires_at is not None

    assert not await files.workshop.expire(at=job.expires_at - dt.timedelta(seconds=1))
    assert files.held()
    await files.workshop.expire(at=job.expires_at)

    gone = await files.look(job)
    assert (gone.state, gone.output_key, gone.expires_at) == (JobState.EXPIRED, None, None)
    assert not files.held()


async def test_what_was_called_off_is_never_made(files: Files) -> None:
    job = await files.learners("Cora")
    await files.cancel("Cora", job)
    other = await files.made(await files.learners("Cora"))

    assert (await files.look(job)).state is JobState.CANCELED
    assert other.state is JobState.DONE
    assert files.held() == {other.output_key}


async def test_a_role_lost_before_anybody_began_is_a_file_that_is_not_made(files: Files) -> None:
    job = await files.learners("Cora")
    await no_longer_coordinates(files.world)

    lost = await files.made(job)

    assert (lost.state, lost.problem) == (JobState.FAILED, "NOT_FOUND")
    assert not files.held()
    assert (await files.world.verbs())[-1] == "export.failed"


async def test_a_person_who_is_gone_gets_no_file(files: Files) -> None:
    job = await files.learners("Cora")
    await files.world.set_state("Cora", MemberState.DEACTIVATED)

    assert (await files.made(job)).problem == "NOT_FOUND"
    assert not files.held()


async def test_a_token_that_reaches_less_makes_a_file_of_less(files: Files) -> None:
    limited = replace(
        files.world.caller("Mona"),
        limited_to=frozenset({Permission.LIST_LEARNERS, Permission.VIEW_COURSE_INFO}),
    )
    [first, *_] = await files.lines_of(await files.learners(limited))

    assert not ACCOUNT & first.keys()


async def test_a_group_that_is_gone_says_so(files: Files) -> None:
    job = await files.learners("Mona", group_id=encode("LearnerGroup", files.world.groups["Early"]))
    await files.do("UPDATE learner_group SET removed_at = now()")

    failed = await files.made(job)

    assert (failed.problem, failed.message) == ("NOT_FOUND", "There is no such group.")
