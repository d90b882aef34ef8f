"""Files that are brought: tried first, done on a word, and what was refused handed back."""

import io

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from models.jobs import ImportOutcome, Job, JobState
from models.people import Member, MemberState
from tests.app.workbooks.brought.trying import in_xlsx
from tests.bringing import apply, bring, handed_back, outcomes, whys
from tests.files import Files, in_lines, no_longer_coordinates

pytestmark = [pytest.mark.timeout(120), pytest.mark.spec("X5")]

CREATED, UNCHANGED, REFUSED = (
    ImportOutcome.CREATED,
    ImportOutcome.UNCHANGED,
    ImportOutcome.REFUSED,
)

PEOPLE = (
    "E-Mail;Name;Büro\r\njoerg@acme.example;Jörg Müller;Köln\r\n\r\n"
    "=cmd|' /C calc'!A0;Böse;Köln\r\npia@acme.example;Pia;Köln;zu viel\r\n"
    'zoe@acme.example;Zoë Ångström;"Alt\r\nstadt"\r\n'
).encode("cp1252")
"""What somebody saves in Excel: the rows of lines 4 and 5 are not as they should be."""


async def members(files: Files) -> dict[str, str]:
    async with files.world.edge.read() as db:
        rows = await db.execute(select(Member.user_name, Member.display_name))
        return {row.user_name: row.display_name for row in rows}


async def tried(files: Files, data: bytes = PEOPLE) -> Job:
    job = await files.made(await bring(files, "Mona", data, ignoring=["Büro"]))
    assert (job.state, job.problem, job.message) == (JobState.CHECKED, None, None)
    return job


async def test_a_file_is_tried_and_nothing_is_done(files: Files) -> None:
    before = await members(files)
    job = await tried(files)

    assert await outcomes(files, job) == {2: CREATED, 4: REFUSED, 5: REFUSED, 6: CREATED}
    assert await members(files) == before
    assert (job.done, job.total, job.is_applied) == (4, 4, False)
    assert job.parameters["readAs"].startswith("CSV in windows-1252")
    assert (await files.world.verbs())[-1] == "import.checked"


async def test_on_a_word_it_is_done_once(files: Files) -> None:
    job = await tried(files)
    for _ in range(2):
        await apply(files, "Mona", job)
        done = await files.made(job)
        assert (done.state, done.problem) == (JobState.DONE, None)

    found = await members(files)
    assert found["joerg@acme.example"] == "Jörg Müller"
    assert found["zoe@acme.example"] == "Zoë Ångström"
    assert "pia@acme.example" not in found
    assert await outcomes(files, job) == {2: CREATED, 4: REFUSED, 5: REFUSED, 6: CREATED}
    assert (await files.world.verbs()).count("import.applied") == 1


async def test_refused_rows_are_handed_back_as_they_stood_there(files: Files) -> None:
    job = await tried(files)
    back = await handed_back(files, job)
    why = await whys(files, job)
    first, second = back.decode("utf-8-sig").splitlines()[1:]

    assert job.file_name == "people – refused rows.csv"
    assert back.decode("utf-8-sig").splitlines()[0] == '"E-Mail","Name","Büro","","Line","Why not"'
    assert first == f'"\'=cmd|\' /C calc\'!A0","Böse","Köln","",4,"{why[4]}"'
    assert second.startswith('"pia@acme.example","Pia","Köln","zu viel",5,"Cell 4 says “zu viel”')


async def test_what_was_put_right_can_be_brought_again(files: Files) -> None:
    back = await handed_back(files, await tried(files))
    right = back.decode("utf-8-sig").replace("'=cmd|' /C calc'!A0", "bo@acme.example")
    job = await tried(files, right.replace("zu viel", "").encode("utf-16"))

    assert await outcomes(files, job) == {2: CREATED, 3: CREATED}
    assert job.output_key is None


async def test_a_workbook_is_handed_back_as_a_workbook(files: Files) -> None:
    data = in_xlsx([["Mail", "Name"], ["lea@acme.example", "Lea"], ["no address", "'=1+1"]])
    job = await files.made(await bring(files, "Mona", data, name="people.xlsx"))
    book = load_workbook(io.BytesIO(await handed_back(files, job)))
    titles, row = book.worksheets[0].iter_rows()

    assert [each.value for each in titles] == ["Mail", "Name", "Line", "Why not"]
    assert [each.value for each in row][:3] == ["no address", "'=1+1", 3]
    assert {each.data_type for each in row} == {"s", "n"}


async def test_learners_are_assigned_from_a_list(files: Files) -> None:
    data = b"E-mail\nnobody@acme.example\nlea@acme.example\nwho@else.example\n"
    job = await files.made(await bring(files, "Cora", data, course="Safety", name="list.csv"))
    tried_first = await outcomes(files, job)
    await apply(files, "Cora", job)
    done = await files.made(job)

    assert (done.state, done.problem) == (JobState.DONE, None)
    assert tried_first == await outcomes(files, job) == {2: CREATED, 3: UNCHANGED, 4: REFUSED}
    assert [each["E-mail"] for each in in_lines(await handed_back(files, done))] == [
        "who@else.example"
    ]


@pytest.mark.parametrize(
    ("data", "problem", "said"),
    [
        (b"", "UNREADABLE_FILE", "empty"),
        (b"E-mail,Shoe size\na@b.c,42\n", "UNKNOWN_COLUMNS", "Shoe size"),
        (b'E-mail,Name\na@b.c,"never closed\n', "UNREADABLE_FILE", "line 2"),
        (b"E-mail,Name\n\x00\n", "UNREADABLE_FILE", "NUL"),
    ],
)
async def test_a_file_that_cannot_be_read_says_what_is_wrong_with_it(
    files: Files, data: bytes, problem: str, said: str
) -> None:
    failed = await files.made(await bring(files, "Mona", data))

    assert (failed.state, failed.problem) == (JobState.FAILED, problem)
    assert failed.message is not None
    assert said in failed.message


async def test_who_may_not_do_it_any_more_does_nothing(files: Files) -> None:
    data = b"E-mail\nnobody@acme.example\n"
    job = await bring(files, "Cora", data, course="Safety", name="list.csv")
    await no_longer_coordinates(files.world)
    lost = await files.made(job)
    gone = await bring(files, "Mona", PEOPLE, ignoring=["Büro"])
    await files.world.set_state("Mona", MemberState.DEACTIVATED)

    assert (lost.state, lost.problem) == (JobState.FAILED, "NOT_FOUND")
    assert (await files.made(gone)).problem == "NOT_FOUND"


async def test_nothing_stays_of_a_file_that_was_kept_long_enough(files: Files) -> None:
    job = await tried(files)
    assert job.expires_at is not None
    assert len(files.held()) == 2, "what was brought, and what is handed back"

    await files.workshop.expire(at=job.expires_at)

    assert (await files.look(job)).state is JobState.EXPIRED
    assert not files.held()


async def test_bytes_that_are_gone_are_asked_for_anew(files: Files) -> None:
    job = await bring(files, "Mona", PEOPLE)
    assert job.input_key is not None
    await files.storage.delete(job.input_key)

    failed = await files.made(job)
    assert failed.problem == "UNREADABLE_FILE"
    assert failed.message is not None
    assert "bring it anew" in failed.message
