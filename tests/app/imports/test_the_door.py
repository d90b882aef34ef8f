"""The door for files that are to be imported: taken whole or not at all, from whoever may."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from access.permissions import Principal
from app.workbooks.reading import MOST_BYTES
from models.jobs import Job, JobKind, JobState
from operations.jobs.asking import MOST_OF_ONE
from resolvers.ids import decode, encode
from tests.app.serving import Web, running, settings_for
from tests.furnishing import furnished
from tests.world import World

pytestmark = [pytest.mark.timeout(120), pytest.mark.spec("X5", "C2")]

PEOPLE = b"Mail;Name\nnew@acme.example;New\n"
MEMBERS = {"into": "members", "name": "people.csv"}


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        started.app.state.folder = tmp_path / "files"
        yield started


@pytest.fixture
@furnished
async def company(world: World) -> World:
    for name in ("Mona", "Cora", "Enno", "Lea"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"])
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.course("Law", department="Legal")
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.group("Early", course="Safety", by="Enno")
    await world.group("Late", course="Safety", by="Mona")
    return world


async def bring(
    web: Web, world: World, who: str, body: Any = PEOPLE, **said: Any
) -> httpx.Response:
    """`body`: bytes, or pieces of them."""
    token = web.here.local_issuer.mint(
        workspace_id=world.workspace_id,
        member_id=world.members[who],
        ttl=dt.timedelta(hours=1),
        at=dt.datetime.now(dt.UTC),
    )
    return await web.client.post(
        "/imports",
        params=said or MEMBERS,
        content=body,
        headers={"authorization": f"Bearer {token}"},
    )


def held(web: Web) -> list[Path]:
    return [each for each in web.app.state.folder.rglob("*") if each.is_file()]


async def jobs(world: World) -> list[Job]:
    async with world.edge.read() as db:
        return list(await db.scalars(select(Job).order_by(Job.id)))


def assignments(world: World, course: str = "Safety", group: str | None = None) -> dict[str, str]:
    said = {"into": "assignments", "name": "list.csv"}
    said["course"] = encode("Course", world.courses[course])
    return said if group is None else said | {"group": encode("LearnerGroup", world.groups[group])}


async def test_what_is_taken_waits_in_the_queue_with_its_bytes(web: Web, company: World) -> None:
    taken = await bring(web, company, "Mona", **MEMBERS, ignore=["Office", "Floor"])
    [job] = await jobs(company)
    [file] = held(web)

    assert taken.status_code == 201
    made = taken.json()
    assert decode(made["id"]) == ("Job", job.id)
    assert taken.headers["location"] == made["href"] == f"/files/{made['id']}"
    assert (job.kind, job.state) == (JobKind.IMPORT_MEMBERS, JobState.QUEUED)
    assert job.input_key is not None
    assert file.as_posix().endswith(job.input_key)
    assert await asyncio.to_thread(file.read_bytes) == PEOPLE
    assert job.parameters["said"] == {
        "ignoring": ["Office", "Floor"],
        "fileName": "people.csv",
        "size": len(PEOPLE),
    }
    assert (await company.verbs())[-1] == "import.requested"


async def test_rights_are_asked_before_bytes_are_taken(web: Web, company: World) -> None:
    for who, said, status in (
        ("Lea", MEMBERS, 403),
        ("Cora", MEMBERS, 403),
        ("Lea", assignments(company), 404),
        ("Cora", assignments(company, "Law"), 404),
        ("Enno", assignments(company, group="Late"), 403),
        ("Enno", assignments(company, group="Early"), 201),
        ("Enno", assignments(company), 201),
        ("Cora", assignments(company), 201),
        ("Mona", assignments(company, "Law"), 201),
    ):
        answer = await bring(web, company, who, **said)
        assert answer.status_code == status, (who, said, answer.text)

    assert len(held(web)) == len(await jobs(company)) == 4


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"into": "people", "name": "a.csv"}, 400),
        ({"into": "members"}, 400),
        ({"name": "a.csv"}, 400),
        ({"into": "assignments", "name": "a.csv"}, 400),
        (MEMBERS | {"group": encode("LearnerGroup", 1)}, 400),
        (MEMBERS | {"course": encode("Course", 1)}, 400),
        (MEMBERS | {"course": "?"}, 400),
        (MEMBERS | {"sheet": "2"}, 400),
        (MEMBERS | {"name": "a.xls"}, 415),
        (MEMBERS | {"name": "a.ods"}, 415),
        (MEMBERS | {"name": "a.numbers"}, 415),
        (MEMBERS | {"name": "people"}, 415),
        (MEMBERS | {"name": "a.xlsx"}, 415),
    ],
)
async def test_what_means_nothing_is_refused(
    web: Web, company: World, said: dict[str, str], status: int
) -> None:
    answer = await bring(web, company, "Mona", **said)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert not held(web)


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7", b"PK\x03\x04" + bytes(20), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]
)
async def test_bytes_that_begin_like_something_else_are_not_taken(
    web: Web, company: World, data: bytes
) -> None:
    assert (await bring(web, company, "Mona", data)).status_code == 415
    assert not held(web)


async def test_a_file_too_large_is_refused_whether_it_says_so_or_not(
    web: Web, company: World
) -> None:
    async def silently() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 2**20 + 1):
            yield b"x" * 2**20

    said = await bring(web, company, "Mona", b"x" * (MOST_BYTES + 1))
    unsaid = await bring(web, company, "Mona", silently())

    assert [said.status_code, unsaid.status_code] == [413, 413]
    assert not held(web)
    assert not await jobs(company)


async def test_nothing_is_left_of_what_breaks_off_or_has_no_place(web: Web, company: World) -> None:
    for _ in range(MOST_OF_ONE):
        assert (await bring(web, company, "Mona")).status_code == 201
    crowded = await bring(web, company, "Mona")
    empty = await bring(web, company, "Cora", b"", **assignments(company))

    assert (crowded.status_code, empty.status_code) == (409, 400)
    assert len(held(web)) == MOST_OF_ONE


async def test_strangers_are_told_nothing(web: Web, company: World) -> None:
    answer = await web.client.post("/imports", params=MEMBERS, content=PEOPLE)

    assert answer.status_code == 401
    assert not held(web)
