"""The door for files that were made: whole and by the part, for whoever may read them now."""

import asyncio
import contextlib
import datetime as dt
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import uvicorn

from access.permissions import Permission, Principal
from app.jobs import door
from models.identity import TokenKind
from models.jobs import Job
from models.people import MemberState
from operations import tokens
from resolvers.ids import encode
from resolvers.jobs.reading import address_of
from tests.app.serving import Web, running, settings_for
from tests.files import Files, no_longer_coordinates, open_workshop
from tests.world import World

pytestmark = pytest.mark.timeout(120)


@dataclass
class Doors:
    """The web application, and a workshop whose files it gives out."""

    web: Web
    files: Files

    def token(self, name: str, world: World | None = None) -> str:
        world = world or self.files.world
        token: str = self.web.here.local_issuer.mint(
            workspace_id=world.workspace_id,
            member_id=world.members[name],
            ttl=dt.timedelta(hours=1),
            at=dt.datetime.now(dt.UTC),
        )
        return token

    def headers(self, name: str, **more: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(name)}"} | {
            key.replace("_", "-"): value for key, value in more.items()
        }

    async def get(self, name: str, job: Job, method: str = "GET", **headers: str) -> httpx.Response:
        return await self.web.client.request(
            method, address_of(job.id), headers=self.headers(name, **headers)
        )


@pytest.fixture
async def doors(
    company: World, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Doors]:
    async with (
        running(settings_for(tmp_path, database_url, redis_url)) as web,
        open_workshop(company, database_url, tmp_path / "files") as files,
    ):
        yield Doors(web, files)


async def made(doors: Doors, by: str = "Cora", course: str = "Safety") -> Job:
    return await doors.files.made(await doors.files.learners(by, course))


@pytest.mark.spec("X4", "X5")
async def test_a_file_comes_whole_with_all_that_is_to_be_said_of_it(doors: Doors) -> None:
    job = await made(doors)
    answer = await doors.get("Cora", job)

    assert answer.status_code == 200
    assert answer.content == await doors.files.bytes_of(job)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-length"] == str(job.size)
    assert answer.headers["etag"] == f'"{(job.sha256 or b"").hex()}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].endswith(
        f"; filename*=utf-8''{quote(job.file_name or '')}"
    )


async def test_a_name_of_whatever_characters_is_a_name(doors: Doors) -> None:
    title = 'Räddning/火 "Övning" xcod\\..'
    await doors.files.world.course(title, instructors=["Ines"])
    job = await made(doors, "Ines", title)
    answer = await doors.get("Ines", job)

    assert job.file_name is not None
    assert job.file_name.startswith("Learners of Räddning 火 Övning xcod 20")
    assert answer.headers["content-disposition"].isascii()
    assert answer.headers["content-disposition"].endswith(quote(job.file_name, safe=""))


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=5-", (5, None)),
        ("bytes=-7", (-7, None)),
        ("bytes=3-999999999", (3, None)),
        ("BYTES = 2 - 2", (2, 3)),
    ],
)
async def test_a_part_is_given_where_one_is_asked_for(
    doors: Doors, said: str, part: tuple[int, int | None]
) -> None:
    job = await made(doors)
    whole = await doors.files.bytes_of(job)
    answer = await doors.get("Cora", job, range=said)

    assert answer.status_code == 206
    assert answer.content == whole[slice(*part)]
    places = range(len(whole))[slice(*part)]
    said_back = f"bytes {places[0]}-{places[-1]}/{len(whole)}"
    assert answer.headers["content-range"] == said_back


@pytest.mark.parametrize("said", ["bytes=999999999-", "bytes=-0", "bytes=100000000000000000-"])
async def test_what_lies_outside_is_416(doors: Doors, said: str) -> None:
    job = await made(doors)
    answer = await doors.get("Cora", job, range=said)

    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{job.size}"


@pytest.mark.parametrize(
    "said",
    ["bytes=5-2", "bytes=a-b", "bytes=-", "bytes=0-1,4-5", "lines=1-2", "", "bytes=" + "9" * 500],
)
async def test_a_range_that_means_nothing_gets_the_whole(doors: Doors, said: str) -> None:
    job = await made(doors)
    answer = await doors.get("Cora", job, range=said)

    assert (answer.status_code, len(answer.content)) == (200, job.size)


async def test_a_download_goes_on_only_if_it_is_the_same_file(doors: Doors) -> None:
    job = await made(doors)
    etag = f'"{(job.sha256 or b"").hex()}"'

    async def status(**headers: str) -> int:
        return (await doors.get("Cora", job, range="bytes=1-2", **headers)).status_code

    assert await status(if_range=etag) == 206
    assert await status(if_range='"another"') == 200
    assert await status(if_range=f"W/{etag}") == 200, "a weak one never matches (13.1.5)"
    assert await status(if_range="Mon, 23 Nov 2026 09:00:00 GMT") == 200
    assert await status(if_none_match=etag) == 304
    assert await status(if_none_match=f'"x", W/{etag}') == 304
    assert await status(if_none_match='"another"') == 206


async def test_head_says_all_but_the_bytes(doors: Doors) -> None:
    job = await made(doors)
    whole, head = await doors.get("Cora", job), await doors.get("Cora", job, "HEAD")
    ranged = await doors.get("Cora", job, "HEAD", range="bytes=0-3")

    assert head.content == ranged.content == b""
    assert head.status_code == ranged.status_code == 200
    for name in ("content-length", "etag", "content-type", "content-disposition"):
        assert head.headers[name] == whole.headers[name] == ranged.headers[name]


@pytest.mark.spec("C2", "X5")
async def test_nobody_else_learns_that_there_is_a_file(doors: Doors, company: World) -> None:
    job = await made(doors)
    other = await World.new(company.edge.sessions, "other")
    await other.member("Olga")
    await other.grant("Olga", Principal.WORKSPACE_MANAGER)
    missing = await doors.web.client.get(address_of(99_999), headers=doors.headers("Cora"))
    foreign = {"authorization": f"Bearer {doors.token('Olga', other)}"}
    answers = [
        await doors.get("Mona", job),
        await doors.get("Ines", job),
        await doors.get("Nobody", job, range="bytes=0-1"),
        await doors.get("Mona", job, "HEAD"),
        await doors.web.client.get(address_of(job.id), headers=foreign),
    ]

    assert missing.status_code == 404
    for each in answers:
        assert each.status_code == 404
        assert each.content in {missing.content, b""}
        assert "etag" not in each.headers


@pytest.mark.parametrize(
    "id",
    [
        "",
        "x",
        "1",
        encode("Course", 1),
        encode("Job", 10**30),
        "%00",
        "..%2f..",
        encode("Job", 2**62),
    ],
)
async def test_what_is_no_id_of_a_file_is_nothing(doors: Doors, id: str) -> None:
    answer = await doors.web.client.get(f"/files/{id}", headers=doors.headers("Cora"))

    assert answer.status_code == 404


async def test_without_a_token_or_with_a_parameter_nothing_is_given(doors: Doors) -> None:
    job = await made(doors)
    stranger = await doors.web.client.get(address_of(job.id))
    asking = await doors.web.client.get(
        f"{address_of(job.id)}?token=x", headers=doors.headers("Cora")
    )
    posted = await doors.web.client.post(address_of(job.id), headers=doors.headers("Cora"))

    assert (stranger.status_code, asking.status_code, posted.status_code) == (401, 400, 405)


@pytest.mark.spec("C2", "X5")
async def test_a_link_of_somebody_who_lost_the_role_gives_nothing(doors: Doors) -> None:
    job = await made(doors)
    assert (await doors.get("Cora", job)).status_code == 200
    await no_longer_coordinates(doors.files.world)

    assert (await doors.get("Cora", job)).status_code == 404


@pytest.mark.spec("C2", "X5")
async def test_who_may_see_less_now_than_a_file_shows_does_not_get_it(doors: Doors) -> None:
    """As a learner of the course, and as maker of a group, Cora may still list somebody."""
    world = doors.files.world
    job = await made(doors)
    await world.enrol("Safety", "Nobody")
    await no_longer_coordinates(world)
    await world.enrol("Safety", "Cora")
    await world.grant("Cora", Principal.COURSE_ENROLL, course="Safety")
    smaller = await made(doors)

    assert (await doors.get("Cora", job)).status_code == 404
    assert (await doors.get("Cora", smaller)).status_code == 200


@pytest.mark.spec("C2", "X5")
async def test_a_part_of_the_log_is_for_who_sees_at_least_that_part(doors: Doors) -> None:
    world = doors.files.world
    whole = await doors.files.made(await doors.files.audit("Mona"))
    part = await doors.files.made(await doors.files.audit("Dora"))
    await world.take("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    again = await doors.files.made(await doors.files.audit("Dora"))

    assert (await doors.get("Mona", whole)).status_code == 200
    assert (await doors.get("Dora", part)).status_code == 404, "of her course alone she sees less"
    assert (await doors.get("Dora", again)).status_code == 200


@pytest.mark.spec("C2", "X5")
async def test_a_token_that_reaches_less_gets_no_more_than_it_may_read(doors: Doors) -> None:
    world = doors.files.world
    mona = world.caller("Mona")
    job = await made(doors, "Mona")
    reaches = {
        404: [
            frozenset({Permission.LIST_ALL_MEMBERS}),
            frozenset({Permission.LIST_LEARNERS, Permission.VIEW_COURSE_INFO}),
        ],
        200: [
            frozenset(
                {Permission.LIST_LEARNERS, Permission.VIEW_COURSE_INFO, Permission.LIST_ALL_MEMBERS}
            )
        ],
    }
    for status, limits in reaches.items():
        for each in limits:
            async with world.edge.transaction() as db:
                _, secret = await tokens.create(
                    db,
                    by=mona,
                    kind=TokenKind.PAT,
                    member_id=mona.member_id,
                    name=f"limited to {len(each)}",
                    scopes=sorted(each),
                    at=dt.datetime.now(dt.UTC),
                )
            headers = {"authorization": f"Bearer {secret}"}
            answer = await doors.web.client.get(address_of(job.id), headers=headers)
            assert answer.status_code == status, each


async def test_a_file_that_has_expired_is_not_there(doors: Doors) -> None:
    job = await made(doors)
    assert job.expires_at is not None
    await doors.files.workshop.expire(at=job.expires_at)

    assert (await doors.get("Cora", job)).status_code == 404


async def test_a_file_that_is_not_made_yet_is_not_there(doors: Doors) -> None:
    job = await doors.files.learners("Cora")

    assert (await doors.get("Cora", job)).status_code == 404


async def test_bytes_that_are_lost_can_be_asked_for_later(doors: Doors) -> None:
    job = await made(doors)
    await doors.files.storage.delete(job.output_key or "")

    assert (await doors.get("Cora", job)).status_code == 503


async def test_a_person_deactivated_gets_nothing(doors: Doors) -> None:
    job = await made(doors)
    await doors.files.world.set_state("Cora", MemberState.DEACTIVATED)

    assert (await doors.get("Cora", job)).status_code in {401, 403}


@asynccontextmanager
async def on_a_socket(doors: Doors) -> AsyncIterator[int]:
    """The application behind a real socket; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(doors.web.app, lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await task


BIG = 30_000_000


async def big(doors: Doors) -> Job:
    """A file that takes more than what sockets hold back."""
    job = await made(doors)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BIG // 1_000_000):
            yield bytes(1_000_000)

    await doors.files.storage.put(job.output_key or "", pieces())
    await doors.files.do("UPDATE job SET size = :size WHERE id = :id", size=BIG, id=job.id)
    return await doors.files.look(job)


async def open_connections(doors: Doors) -> int:
    pool: object = doors.web.here.engine.pool
    count: int = pool.checkedout()  # type: ignore[attr-defined]
    return count


async def test_a_download_that_was_broken_off_goes_on_where_it_stopped(doors: Doors) -> None:
    job = await big(doors)
    async with on_a_socket(doors) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "".join(f"{n}: {v}\r\n" for n, v in doors.headers("Cora").items())
        writer.write(f"GET {address_of(job.id)} HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        got = len(await reader.readexactly(1_000_000))
        writer.transport.abort()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            rest = await client.get(
                address_of(job.id), headers=doors.headers("Cora", range=f"bytes={got}-")
            )
        await asyncio.sleep(0.1)

    assert rest.status_code == 206
    assert len(rest.content) == BIG - got
    assert await open_connections(doors) == 0, "nothing waits for who has gone"


async def test_a_download_breaks_off_when_the_right_ends(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "RIGHTS_SECONDS", 0.0)
    job = await big(doors)
    async with on_a_socket(doors) as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}{address_of(job.id)}"
        got = 0
        with contextlib.suppress(httpx.HTTPError):
            async with client.stream("GET", url, headers=doors.headers("Cora")) as answer:
                async for piece in answer.aiter_raw():
                    if not got:
                        await no_longer_coordinates(doors.files.world)
                    got += len(piece)

    assert 0 < got < BIG
