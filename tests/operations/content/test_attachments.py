"""Files: who reads them, and how long they stay (C2, C14, M16)."""

import pytest
from sqlalchemy import delete

from models.content import Attachment
from models.people import MemberState
from models.progress import (
    Attempt,
    AttemptModule,
    AttemptOrigin,
    AttemptState,
    Progress,
    RoleAtStart,
)
from operations.content import attachments
from operations.content.attachments import FILES_A_MODULE, Stored, file_name_of
from operations.learning import enrolments
from operations.refusals import Code, Denied, Refused
from tests.operations.content.writing import (
    MAY_LOOK,
    MAY_NEITHER,
    MAY_WRITE,
    edit,
    paths,
    publish,
    refused,
)
from tests.world import MONDAY, World

PDF = Stored("1/1/somewhere", "application/pdf", 4, bytes(32))


async def add(world: World, by: str, module: str, name: str = "Slides.pdf") -> int:
    async with world.edge.transaction() as db:
        made = await attachments.add(
            db,
            by=world.caller(by),
            module_id=world.modules[module],
            file_name=name,
            stored=PDF,
            at=MONDAY,
        )
        return made.id


async def remove(world: World, by: str, id: int) -> None:
    async with world.edge.transaction() as db:
        await attachments.remove(db, by=world.caller(by), attachment_id=id, at=MONDAY)


async def reads(world: World, by: str) -> set[int]:
    async with world.edge.read() as db:
        return {each.id for each in await db.scalars(attachments.seen_by(world.caller(by)))}


async def takes(world: World, who: str, module: str, revision: int, *, opened: bool = True) -> None:
    """An attempt of somebody at the course, on a revision of the module."""
    async with world.edge.transaction() as db:
        key = {"course_id": world.courses["Safety"], "member_id": world.members[who]}
        if await db.get(Progress, tuple(key.values())) is None:
            db.add(Progress(workspace_id=world.workspace_id, **key))
            await db.flush()
        attempt = Attempt(
            workspace_id=world.workspace_id,
            number=1,
            state=AttemptState.IN_PROGRESS,
            origin=AttemptOrigin.SELF,
            role=RoleAtStart.LEARNER,
            **key,
        )
        db.add(attempt)
        await db.flush()
        db.add(
            AttemptModule(
                attempt_id=attempt.id,
                module_id=world.modules[module],
                workspace_id=world.workspace_id,
                revision=revision,
                place=1,
                opened_at=MONDAY if opened else None,
            )
        )


async def shown(world: World, module: str = "Ropes") -> tuple[int, int]:
    """A file that revision 1 shows, and one that no revision does."""
    first, second = await add(world, "Ina", module), await add(world, "Ina", module)
    await edit(world, "Ina", module, f"![x](attachment:{first})")
    await publish(world, "Ina", module)
    return first, second


@pytest.mark.spec("C14", "M20")
@pytest.mark.parametrize("name", MAY_WRITE)
async def test_whoever_may_write_a_module_brings_files_and_takes_them_away(
    school: World, name: str
) -> None:
    id = await add(school, name, "Ropes")
    assert id in await reads(school, name)

    await remove(school, name, id)

    assert id not in await reads(school, name)
    assert (await school.verbs())[-2:] == ["attachment.uploaded", "attachment.removed"]


@pytest.mark.spec("M13", "M16", "C2")
@pytest.mark.parametrize("name", MAY_NEITHER)
async def test_coordinators_and_learners_read_no_file_they_have_not_opened_in_an_attempt(
    school: World, name: str
) -> None:
    first, _ = await shown(school)

    said = [
        await refused(add(school, name, "Ropes")),
        await refused(remove(school, name, first)),
    ]

    assert await reads(school, name) == set()
    assert isinstance(said[0], Denied)
    assert isinstance(said[1], Refused)
    assert said[1].code is Code.NOT_FOUND


@pytest.mark.spec("C10")
@pytest.mark.parametrize("name", MAY_LOOK)
async def test_whoever_may_preview_reads_files_and_changes_none(school: World, name: str) -> None:
    files = await shown(school)

    said = [
        await refused(add(school, name, "Ropes")),
        await refused(remove(school, name, files[0])),
    ]

    assert await reads(school, name) == set(files)
    assert [type(each) for each in said] == [Denied, Denied]


@pytest.mark.spec("M16", "C22")
@pytest.mark.parametrize("name", ["Lea", "Cora", "Seg"])
async def test_whoever_takes_a_course_reads_the_files_of_the_revision_of_the_attempt(
    school: World, name: str
) -> None:
    first, second = await shown(school)
    await edit(school, "Ina", "Ropes", f"[y](attachment:{second})")
    await publish(school, "Ina", "Ropes")

    await takes(school, name, "Ropes", 1)

    assert await reads(school, name) == {first}


async def test_what_one_has_not_opened_yet_one_does_not_read(school: World) -> None:
    await shown(school)
    await takes(school, "Lea", "Ropes", 1, opened=False)

    assert await reads(school, "Lea") == set()


async def test_others_attempts_open_nothing(school: World) -> None:
    await shown(school)
    await takes(school, "Cora", "Ropes", 1)

    assert await reads(school, "Lea") == set()


async def test_with_the_enrolment_reading_ends_and_comes_back(school: World) -> None:
    first, _ = await shown(school)
    await takes(school, "Lea", "Ropes", 1)
    ids = [school.members["Lea"]]
    async with school.edge.transaction() as db:
        await enrolments.unassign(
            db,
            by=school.system,
            course_id=school.courses["Safety"],
            member_ids=ids,
            at=MONDAY,
        )

    assert await reads(school, "Lea") == set()
    await school.enrol("Safety", "Lea")
    assert await reads(school, "Lea") == {first}


async def test_the_deactivated_read_nothing(school: World) -> None:
    await shown(school)
    await takes(school, "Lea", "Ropes", 1)
    await school.set_state("Lea", MemberState.DEACTIVATED)
    await school.set_state("Edda", MemberState.DEACTIVATED)

    assert await reads(school, "Lea") == await reads(school, "Edda") == set()


@pytest.mark.spec("C22")
async def test_a_removed_file_is_read_as_long_as_a_revision_shows_it(school: World) -> None:
    first, second = await shown(school)
    await takes(school, "Lea", "Ropes", 1)
    await remove(school, "Ina", first)
    await remove(school, "Ina", second)

    assert await reads(school, "Lea") == await reads(school, "Ina") == {first}


async def test_a_draft_that_shows_a_file_which_is_not_there_is_not_published(school: World) -> None:
    elsewhere = await add(school, "Ina", "Exam")
    removed = await add(school, "Ina", "Ropes")
    await remove(school, "Ina", removed)
    text = f"![a](attachment:{elsewhere}) ![b](attachment:{removed}) ![c](attachment:999999999999)"
    await edit(school, "Ina", "Ropes", text)

    said = await refused(publish(school, "Ina", "Ropes"))

    assert paths(said) == [("UNKNOWN_ATTACHMENT", "")] * 3


async def test_a_module_has_so_many_files_and_no_more(school: World) -> None:
    await add(school, "Ina", "Ropes")
    async with school.edge.transaction() as db:
        await db.execute(delete(Attachment))
        db.add_all(
            Attachment(
                workspace_id=school.workspace_id,
                module_id=school.modules["Ropes"],
                file_name=f"{n}.pdf",
                media_type=PDF.media_type,
                size=PDF.size,
                sha256=PDF.sha256,
                storage_key=PDF.key,
            )
            for n in range(FILES_A_MODULE)
        )

    said = await refused(add(school, "Ina", "Ropes"))

    assert isinstance(said, Refused)
    assert said.code is Code.LIMIT_REACHED
    assert said.details == {"limit": FILES_A_MODULE, "count": FILES_A_MODULE}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Slides.pdf", "Slides.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("../../x.pdf", "x.pdf"),
        (" a b .pdf ", "a b .pdf"),
        ("..pdf", "pdf"),
        ("A\u030a.pdf", "\u00c5.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_is_called_by_the_last_part_of_its_name(given: str, kept: str) -> None:
    assert file_name_of(given) == kept


@pytest.mark.parametrize(
    "given", ["", "/", "...", "a\nb.pdf", "a\0.pdf", "a\u202efdp.exe", "a\r\nb"]
)
def test_what_is_no_name_is_refused(given: str) -> None:
    with pytest.raises(Refused, match="A file needs a name"):
        file_name_of(given)
