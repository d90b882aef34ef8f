"""A list of new people as a German Excel saves it, with mistakes: brought, looked at, done; what
was refused is put right in a spreadsheet, and brought again (X5). All over real sockets."""

import asyncio
import csv
import io
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport
from openpyxl import Workbook

from access.permissions import Principal
from tests.stories.running import Company, Found, System
from tests.workers import Workers

pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("X5")]

LIST = (
    "Name;E-Mail;Abteilung;Ort\r\n"
    "Jörg Müller;joerg@neu.example;Vertrieb;Köln\r\n"
    "Zoë Ångström;zoe@neu.example;Vertrieb;Malmö\r\n"
    "\r\n"
    "Otto Ohne;keine Adresse;Vertrieb;Köln\r\n"
    '"Müller, Änne";änne@neu.example;Vertrieb;"Köln;Süd";zu viel\r\n'
    "José Núñez;JOERG@neu.example;Vertrieb;Cádiz\r\n"
    "Mona;mona@acme.example;Vertrieb;Köln\r\n"
).encode("windows-1252")

TRIED = gql("""query ($job: ID!) { job(id: $job) { state percent problem message fileName size url
  imported { fileName readAs isApplied created updated unchanged refused }
  rows(outcome: [REFUSED]) { totalCount nodes { line code message cells { title text } } }
  all: rows { nodes { line outcome member { displayName } } } } }""")
APPLY = gql("""mutation ($job: ID!) {
  applyImport(jobId: $job) { refusal { code message } job { state } } }""")
PEOPLE = gql("{ listAllMembers(first: 50) { nodes { displayName email } } }")


@pytest.fixture
def workshop(system: System, tmp_path: Path) -> Iterator[Workers]:
    """A worker that takes files in."""
    settings = system.settings
    data = {"COORDINATOR_DATA_DIR": str(settings.data_dir)}
    with Workers(settings.database_address, settings.redis_address, tmp_path, data) as workers:
        workers.start("files")
        yield workers


@pytest.fixture
async def company(found: Found) -> Company:
    made = await found()
    for name in ("Mona", "Lea"):
        await made.world.member(name, emails=[f"{name.lower()}@acme.example"])
    await made.world.grant("Mona", Principal.WORKSPACE_MANAGER)
    return made


class Person:
    """Somebody with an ordinary client of GraphQL, and one for files."""

    def __init__(self, company: Company, name: str, http: httpx.AsyncClient) -> None:
        self._headers = {"authorization": f"Bearer {company.token(name)}"}
        transport = HTTPXAsyncTransport(company.system.graphql, headers=self._headers, timeout=30)
        self._client = Client(transport=transport)
        self._http = http

    async def ask(self, document: Any, **variables: Any) -> dict[str, Any]:
        document.variable_values = variables
        async with self._client as session:
            return dict(await session.execute(document))

    async def bring(self, data: bytes, **query: Any) -> httpx.Response:
        return await self._http.post("/imports", params=query, content=data, headers=self._headers)

    async def fetch(self, url: str) -> httpx.Response:
        return await self._http.get(url, headers=self._headers)

    async def until(self, job: str, *states: str) -> dict[str, Any]:
        end = time.monotonic() + 60
        while True:
            now: dict[str, Any] = (await self.ask(TRIED, job=job))["job"]
            if now["state"] in states:
                return now
            assert time.monotonic() < end, now
            await asyncio.sleep(0.1)


@asynccontextmanager
async def person(company: Company, name: str) -> AsyncIterator[Person]:
    async with httpx.AsyncClient(base_url=company.system.url, timeout=30) as http:
        yield Person(company, name, http)


async def test_a_broken_list_is_brought_put_right_and_brought_again(
    company: Company, workshop: Workers, tmp_path: Path
) -> None:
    query = {"into": "members", "ignore": ["Abteilung", "Ort"]}
    async with person(company, "Mona") as mona:
        taken = await mona.bring(LIST, name="Neue Leute.csv", **query)
        assert taken.status_code == 201, taken.text
        job = taken.json()["id"]
        tried = await mona.until(job, "CHECKED", "FAILED")

        assert tried["state"] == "CHECKED", tried
        assert tried["imported"] == {
            "fileName": "Neue Leute.csv",
            "readAs": "CSV in windows-1252 (its letters look like that), cells divided by"
            " semicolons",
            "isApplied": False,
            "created": 2,
            "updated": 0,
            "unchanged": 1,
            "refused": 3,
        }
        assert [each["line"] for each in tried["rows"]["nodes"]] == [5, 6, 7]
        assert all(each["message"] for each in tried["rows"]["nodes"])
        assert [each["line"] for each in tried["all"]["nodes"]] == [2, 3, 5, 6, 7, 8]
        assert len(await people(mona)) == 2, "it was tried, and nobody was added"

        applied = await mona.ask(APPLY, job=job)
        assert applied["applyImport"]["refusal"] is None
        done = await mona.until(job, "DONE", "FAILED")
        assert done["state"] == "DONE", done
        assert await people(mona) >= {"Jörg Müller", "Zoë Ångström"}

        refused = await mona.fetch(done["url"])
        assert refused.status_code == 200
        assert refused.headers["content-type"] == "text/csv; charset=utf-8"
        right = await put_right(refused.content, tmp_path)
        again = await mona.bring(right, name="berichtigt.xlsx", **query)
        assert again.status_code == 201, again.text
        second = await mona.until(again.json()["id"], "CHECKED", "FAILED")
        assert second["state"] == "CHECKED", second
        assert (second["imported"]["created"], second["imported"]["refused"]) == (3, 0), second
        await mona.ask(APPLY, job=again.json()["id"])
        await mona.until(again.json()["id"], "DONE")

        assert await people(mona) >= {"Otto Ohne", "Müller, Änne", "José Núñez"}


async def test_what_somebody_else_brought_is_not_there(company: Company, workshop: Workers) -> None:
    async with person(company, "Mona") as mona, person(company, "Lea") as lea:
        taken = await mona.bring(LIST, name="a.csv", into="members", ignore=["Abteilung", "Ort"])
        job = taken.json()["id"]
        await mona.until(job, "CHECKED")
        fetched = await lea.fetch(taken.headers["location"])
        body = await lea.bring(LIST, name="a.csv", into="members")
        other = await lea.ask(APPLY, job=job)

    assert fetched.status_code == 404
    assert body.status_code == 403
    assert other["applyImport"]["refusal"]["code"] == "NOT_FOUND"


async def people(mona: Person) -> set[str]:
    nodes = (await mona.ask(PEOPLE))["listAllMembers"]["nodes"]
    return {each["displayName"] for each in nodes}


async def put_right(refused: bytes, folder: Path) -> bytes:
    """The refused rows as somebody saves them anew, in LibreOffice where it is there."""
    [titles, *rows] = csv.reader(io.StringIO(refused.decode("utf-8-sig"), newline=""))
    assert titles == ["Name", "E-Mail", "Abteilung", "Ort", "", "Line", "Why not"]
    assert [row[-2] for row in rows] == ["5", "6", "7"]
    addresses = ("otto@neu.example", "aenne@neu.example", "jose@neu.example")
    for row, address in zip(rows, addresses, strict=True):
        row[1], row[4] = address, ""
    soffice = shutil.which("soffice")
    if soffice is None:
        return in_workbook([titles, *rows])
    text = io.StringIO(newline="")
    csv.writer(text).writerows([titles, *rows])
    file = folder / "right.csv"
    await asyncio.to_thread(file.write_bytes, text.getvalue().encode())
    process = await asyncio.create_subprocess_exec(
        soffice,
        f"-env:UserInstallation=file://{folder}/office",
        "--headless",
        "--infilter=CSV:44,34,76,1",
        "--convert-to",
        "xlsx",
        "--outdir",
        folder,
        file,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return await asyncio.to_thread(file.with_suffix(".xlsx").read_bytes)


def in_workbook(rows: list[list[str]]) -> bytes:
    book, data = Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(data)
    return data.getvalue()
