"""The door for files: taken whole or not at all, given to whoever may read them at that moment."""

import asyncio
import datetime as dt
import hashlib
import io
import wave
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.attachments import door
from models.content import Attachment
from operations.content import attachments
from resolvers.ids import decode, encode
from tests.app.serving import Web, running, settings_for
from tests.furnishing import furnished
from tests.node import NodeClients
from tests.operations.content.test_attachments import takes
from tests.operations.content.writing import MAY_NEITHER, edit, open_school, publish
from tests.s3 import KEY, SECRET, Bucket, serving
from tests.world import World, settle

pytestmark = pytest.mark.timeout(120)

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"page " * 1_000
EVIL_SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
EVIL_HTML = b"<!DOCTYPE html><script>alert(1)</script>"


@pytest.fixture(scope="module")
def bucket(node_clients: NodeClients, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with serving(node_clients, tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        yield started


@pytest.fixture(params=["directory", "bucket"])
async def anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[Web]:
    """The same, with files in a directory, or in a bucket."""
    given = {}
    if request.param == "bucket":
        bucket = request.getfixturevalue("bucket")
        given = {
            "storage_url": bucket.url_below(tmp_path.name),
            "storage_key": KEY,
            "storage_secret": SECRET,
        }
    async with running(settings_for(tmp_path, database_url, redis_url, **given)) as started:
        started.app.state.held = (
            (lambda: bucket.held(tmp_path.name)) if given else (lambda: _files(tmp_path / "files"))
        )
        yield started


def _files(directory: Path) -> set[str]:
    return {str(each) for each in directory.rglob("*") if each.is_file()}


def held(web: Web) -> set[str]:
    """What lies in the storage."""
    found: set[str] = web.app.state.held()
    return found


@pytest.fixture
@furnished
async def school(world: World, sync_database: Engine) -> World:
    await open_school(world)
    await asyncio.to_thread(settle, sync_database)
    return world


@dataclass
class Client:
    """One person, with a token."""

    web: Web
    headers: dict[str, str]

    @classmethod
    def of(cls, web: Web, world: World, name: str) -> "Client":
        token = web.here.local_issuer.mint(
            workspace_id=world.workspace_id,
            member_id=world.members[name],
            ttl=dt.timedelta(hours=1),
            at=dt.datetime.now(dt.UTC),
        )
        return cls(web, {"authorization": f"Bearer {token}"})

    async def send(
        self,
        world: World,
        body: bytes | AsyncIterator[bytes],
        *,
        name: str = "Slides.pdf",
        module: str = "Ropes",
    ) -> httpx.Response:
        given = {"module": encode("Module", world.modules[module]), "name": name}
        return await self.web.client.post(
            "/attachments", params=given, content=body, headers=self.headers
        )

    async def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.web.client.get(path, headers={**self.headers, **named})


async def rows(world: World) -> list[Attachment]:
    async with world.edge.read() as db:
        return list(await db.scalars(select(Attachment)))


@pytest.mark.spec("C14")
async def test_what_an_editor_sends_comes_back_as_it_was(anywhere: Web, school: World) -> None:
    ina = Client.of(anywhere, school, "Ina")

    taken = await ina.send(school, PDF, name="../Slides für “alle”.pdf")
    given = await ina.get(taken.headers["location"])

    assert taken.status_code == 201
    made = taken.json()
    assert made == {
        "id": taken.headers["location"].removeprefix("/attachments/"),
        "reference": f"attachment:{decode(made['id']).number}",  # type: ignore[union-attr]
        "href": taken.headers["location"],
        "fileName": "Slides für “alle”.pdf",
        "mediaType": "application/pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
    }
    assert given.status_code == 200
    assert given.content == PDF
    assert dict(given.headers) | {
        "content-type": "application/pdf",
        "content-length": str(len(PDF)),
        "content-disposition": 'attachment; filename="Slides fur alle.pdf"; '
        "filename*=utf-8''Slides%20f%C3%BCr%20%E2%80%9Calle%E2%80%9D.pdf",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-cache",
        "accept-ranges": "bytes",
        "etag": f'"{made["sha256"]}"',
    } == dict(given.headers)


RANGES = {
    "bytes=0-4": (206, 0, 5),
    "bytes=5-": (206, 5, len(PDF)),
    "bytes=-3": (206, len(PDF) - 3, len(PDF)),
    "bytes=4990-999999": (206, 4990, len(PDF)),
    "bytes=1-1": (206, 1, 2),
    "bytes=0-1,3-4": (200, 0, len(PDF)),
    "bytes=5-2": (200, 0, len(PDF)),
    "lines=1-2": (200, 0, len(PDF)),
    "bytes=-": (200, 0, len(PDF)),
    f"bytes={'9' * 400}-": (200, 0, len(PDF)),
}


async def test_a_part_is_given_where_one_is_asked_for(anywhere: Web, school: World) -> None:
    ina = Client.of(anywhere, school, "Ina")
    path = (await ina.send(school, PDF)).headers["location"]

    for said, (status, start, end) in RANGES.items():
        given = await ina.get(path, range=said)

        told = f"bytes {start}-{end - 1}/{len(PDF)}" if status == 206 else None
        assert (given.status_code, given.content) == (status, PDF[start:end]), said
        assert given.headers["content-length"] == str(end - start)
        assert given.headers.get("content-range") == told


async def test_what_lies_outside_of_the_file_and_what_one_has_already_is_not_sent(
    web: Web, school: World
) -> None:
    ina = Client.of(web, school, "Ina")
    path = (await ina.send(school, PDF)).headers["location"]
    etag = (await ina.get(path)).headers["etag"]

    beyond = await ina.get(path, range=f"bytes={len(PDF)}-")
    nothing = await ina.get(path, range="bytes=-0")
    same = await ina.get(path, if_none_match=etag)
    part = await ina.get(path, range="bytes=0-1", if_range=etag)
    whole = await ina.get(path, range="bytes=0-1", if_range='"another"')
    head = await web.client.head(path, headers=ina.headers)

    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(PDF)}")
    assert nothing.status_code == 416
    assert (same.status_code, same.content) == (304, b"")
    assert (part.status_code, part.content) == (206, PDF[:2])
    assert (whole.status_code, whole.content) == (200, PDF)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(PDF))


@pytest.mark.spec("M13", "M16", "C2")
@pytest.mark.parametrize("name", [*MAY_NEITHER, "Ada"])
async def test_nobody_else_learns_that_there_is_a_file_or_leaves_one(
    web: Web, school: World, name: str
) -> None:
    path = (await Client.of(web, school, "Ina").send(school, PDF)).headers["location"]
    other = Client.of(web, school, name)

    sent = await other.send(school, PDF)
    given = await other.get(path)
    never = await other.get(f"/attachments/{encode('Attachment', 999)}")

    assert sent.status_code == (404 if name == "Ada" else 403)
    assert (given.status_code, given.content) == (404, never.content)
    assert len(await rows(school)) == 1


@pytest.mark.spec("M16", "C22")
@pytest.mark.parametrize("name", ["Lea", "Cora"])
async def test_whoever_takes_the_module_gets_its_files_and_no_others(
    web: Web, school: World, name: str
) -> None:
    ina, taker = Client.of(web, school, "Ina"), Client.of(web, school, name)
    first = (await ina.send(school, PDF)).json()
    second = (await ina.send(school, PDF)).json()
    await edit(school, "Ina", "Ropes", f"![x]({first['reference']})")
    await publish(school, "Ina", "Ropes")
    await takes(school, name, "Ropes", 1)

    shown, other = await taker.get(first["href"]), await taker.get(second["href"])

    assert (shown.status_code, shown.content) == (200, PDF)
    assert other.status_code == 404


@pytest.mark.spec("C2")
async def test_another_workspace_has_other_files(
    web: Web, school: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    path = (await Client.of(web, school, "Ina").send(school, PDF)).headers["location"]
    abroad = await World.new(sessions, "abroad")
    await open_school(abroad)

    stranger = Client.of(web, abroad, "Mo")

    assert (await stranger.get(path)).status_code == 404
    assert (await web.client.get(path)).status_code == 401


WAV = io.BytesIO()
with wave.open(WAV, "wb") as sound:
    sound.setnchannels(1)
    sound.setsampwidth(2)
    sound.setframerate(8000)
    sound.writeframes(bytes(64))
ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w") as zipped:
    zipped.writestr("[Content_Types].xml", "<Types/>")
    zipped.writestr("word/document.xml", "<document/>")

REAL = [
    ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png", "inline"),
    ("a.JPG", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", "inline"),
    ("a.gif", b"GIF89a\1\0\1\0", "image/gif", "inline"),
    ("a.webp", b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp", "inline"),
    ("a.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "video/mp4", "inline"),
    ("a.webm", b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01webm", "video/webm", "inline"),
    ("a.mp3", b"ID3\4\0\0", "audio/mpeg", "inline"),
    ("a.wav", WAV.getvalue(), "audio/wav", "inline"),
    ("a.pdf", PDF, "application/pdf", "attachment"),
    ("a.zip", ZIP.getvalue(), "application/zip", "attachment"),
    ("a.txt", "grüß".encode(), "text/plain; charset=utf-8", "attachment"),
    ("a.md", EVIL_HTML, "text/plain; charset=utf-8", "attachment"),
    ("a.csv", b"a,b\n1,2\n", "text/csv; charset=utf-8", "attachment"),
]


async def test_files_are_given_out_as_what_they_are(web: Web, school: World) -> None:
    ina = Client.of(web, school, "Ina")

    for name, body, media_type, disposition in REAL:
        taken = await ina.send(school, body, name=name)
        given = await ina.get(taken.headers["location"])

        assert given.content == body
        assert given.headers["content-type"] == media_type
        assert given.headers["content-disposition"].split(";")[0] == disposition
        assert given.headers["x-content-type-options"] == "nosniff"
        assert given.headers["content-security-policy"].endswith("sandbox")


FALSE = [
    ("a.svg", EVIL_SVG),
    ("a.html", EVIL_HTML),
    ("a.js", b"alert(1)"),
    ("a.xml", EVIL_SVG),
    ("a.exe", b"MZ\x90\0"),
    ("noname", PDF),
    ("a.pdf.html", PDF),
    ("a.png", EVIL_SVG),
    ("a.png", EVIL_HTML),
    ("a.pdf", EVIL_HTML),
    ("a.jpg", PDF),
    ("a.mp4", b"\0" * 64),
    ("a.zip", b"MZ\x90\0"),
    ("a.txt", b"\xff\xfe\0a"),
    ("a.txt", b"a\0b"),
    ("a.csv", b"\xc3"),
]


async def test_what_is_not_what_its_name_says_is_not_taken(anywhere: Web, school: World) -> None:
    ina = Client.of(anywhere, school, "Ina")

    for name, body in FALSE:
        refused = await ina.send(school, body, name=name)

        assert refused.status_code == 415, name
    assert await rows(school) == []
    assert held(anywhere) == set()


async def test_a_file_too_large_is_refused_whether_it_says_so_or_not(
    anywhere: Web, school: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "FILE_SIZE", 1_000)
    ina = Client.of(anywhere, school, "Ina")

    said = await ina.send(school, PDF)
    unsaid = await ina.send(school, in_pieces(PDF))
    fits = await ina.send(school, in_pieces(PDF[:1_000]))

    assert [said.status_code, unsaid.status_code, fits.status_code] == [413, 413, 201]
    assert len(await rows(school)) == len(held(anywhere)) == 1


async def test_a_sender_who_goes_leaves_nothing(anywhere: Web, school: World) -> None:
    ina = Client.of(anywhere, school, "Ina")
    module = encode("Module", school.modules["Ropes"])
    heard = [
        {"type": "http.request", "body": PDF, "more_body": True},
        {"type": "http.request", "body": PDF, "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Any] = []

    async def hear() -> Any:
        return heard.pop(0)

    async def say(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/attachments",
        "query_string": f"module={module}&name=a.pdf".encode(),
        "headers": [(b"authorization", ina.headers["authorization"].encode())],
        "client": ("127.0.0.1", 1),
    }
    await anywhere.app(scope, hear, say)

    assert said[0]["status"] == 400
    assert await rows(school) == []
    assert held(anywhere) == set()


async def test_an_empty_file_and_a_question_without_a_name_are_refused(
    web: Web, school: World
) -> None:
    ina = Client.of(web, school, "Ina")
    module = encode("Module", school.modules["Ropes"])

    answers = [
        await ina.send(school, b""),
        await web.client.post("/attachments", content=PDF, headers=ina.headers),
        await web.client.post(f"/attachments?module={module}", content=PDF, headers=ina.headers),
        await ina.send(school, PDF, name="a\0.pdf"),
        await web.client.post("/attachments?module=x&name=a.pdf", content=PDF, headers=ina.headers),
    ]

    assert [each.status_code for each in answers] == [400] * 5
    assert await rows(school) == []


async def test_whoever_loses_the_right_meanwhile_leaves_nothing(
    anywhere: Web, school: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right is asked for again when the bytes have come, and they go again."""

    async def losing(body: bytes) -> AsyncIterator[bytes]:
        yield body[:10]
        async with school.edge.transaction() as db:
            await db.execute(text("DELETE FROM access_grant WHERE principal = 'module_edit'"))
        yield body[10:]

    refused = await Client.of(anywhere, school, "Edda").send(school, losing(PDF))

    assert refused.status_code in {403, 404}
    assert await rows(school) == []
    assert held(anywhere) == set()


async def test_a_file_whose_bytes_are_gone_can_be_asked_for_later(web: Web, school: World) -> None:
    ina = Client.of(web, school, "Ina")
    path = (await ina.send(school, PDF)).headers["location"]
    [row] = await rows(school)
    await web.here.storage.delete(row.storage_key)

    given = await ina.get(path)

    assert given.status_code == 503
    assert row.storage_key not in given.text


@pytest.mark.spec("C22")
async def test_what_was_removed_is_given_only_where_a_revision_shows_it(
    web: Web, school: World
) -> None:
    ina = Client.of(web, school, "Ina")
    shown = (await ina.send(school, PDF)).json()
    unshown = (await ina.send(school, PDF)).json()
    await edit(school, "Ina", "Ropes", f"![x]({shown['reference']})")
    await publish(school, "Ina", "Ropes")
    for each in (shown, unshown):
        async with school.edge.transaction() as db:
            await attachments.remove(
                db,
                by=school.caller("Ina"),
                attachment_id=decode(each["id"]).number,  # type: ignore[union-attr]
                at=dt.datetime.now(dt.UTC),
            )

    answers = [(await ina.get(each["href"])).status_code for each in (shown, unshown)]

    assert answers == [200, 404]


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 300):
        yield body[start : start + 300]
