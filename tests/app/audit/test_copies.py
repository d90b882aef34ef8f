"""Copies of the audit log: complete, checkable by strangers, and given to nobody else (A3)."""

import csv
import datetime as dt
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from app.audit import copying
from app.audit.copying import AccessEnded, begin, copy
from app.audit.writing import CSV_COLUMNS, FORMATS
from models.journal import record
from models.people import MemberState
from operations.audit import Filters
from resolvers.ids import encode
from tests.app.cli.program import Answer
from tests.app.serving import Web, running, settings_for
from tests.furnishing import furnished
from tests.tampering import unguarded
from tests.world import World

README = Path(__file__).parents[3] / "README.md"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "\uff20SUM(A1)")


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        yield started


@pytest.fixture
@furnished
async def firm(world: World) -> World:
    """Mo manages the workspace, Fay its finances, Dan Training; Ina teaches; Bo is nobody."""
    for name in ("Mo", "Fay", "Dan", "Ina", "Bo"):
        await world.member(name, title="Größe “1\u2028”")
    await world.course("Safety", instructors=["Ina"])
    await world.course("Law", department="Legal")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    return world


async def fetch(web: Web, path: str, world: World, name: str | None) -> httpx.Response:
    headers = {}
    if name is not None:
        token = web.here.local_issuer.mint(
            workspace_id=world.workspace_id,
            member_id=world.members[name],
            ttl=dt.timedelta(hours=1),
            at=dt.datetime.now(dt.UTC),
        )
        headers["authorization"] = f"Bearer {token}"
    return await web.client.get(path, headers=headers)


def check(file: bytes, *arguments: str) -> Answer:
    """What the ten lines of the README say about a file."""
    [script] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len([line for line in script.splitlines() if line]) == 10
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, *arguments],
        input=file,
        capture_output=True,
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode().strip(), done.stderr.decode())


async def stored(world: World, up_to: int) -> list[Any]:
    async with world.edge.read() as db:
        asked = {"id": world.workspace_id, "up_to": up_to}
        rows = await db.execute(
            text(
                "SELECT seq, verb, hash FROM journal_entry"
                " WHERE workspace_id = :id AND seq <= :up_to ORDER BY seq"
            ),
            asked,
        )
        return list(rows)


async def test_a_stranger_checks_a_whole_copy_with_ten_lines(web: Web, firm: World) -> None:
    answer = await fetch(web, "/audit.jsonl", firm, "Mo")
    lines = [json.loads(line) for line in answer.content.splitlines()]
    rows = await stored(firm, len(lines))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert answer.headers["cache-control"] == "no-store"
    assert [(each["entry"]["seq"], each["entry"]["verb"]) for each in lines] == [
        (row.seq, row.verb) for row in rows
    ]
    assert check(answer.content) == Answer(0, f"{rows[-1].hash.hex()} 0 redacted", "")


async def test_the_ten_lines_find_what_was_done_to_a_copy(web: Web, firm: World) -> None:
    whole = (await fetch(web, "/audit.jsonl", firm, "Mo")).content.splitlines(keepends=True)

    for changed in (
        [*whole[:5], whole[5].replace(b"member.added", b"member.hidden"), *whole[6:]],
        [*whole[:5], *whole[6:]],
        [*whole[:5], whole[6], whole[5], *whole[7:]],
        whole[1:],
    ):
        assert changed != whole
        assert check(b"".join(changed)).code == 1
    before = json.loads(whole[4])["hash"]
    assert check(b"".join(whole[5:]), before).code == 0


async def test_a_copy_is_itself_recorded_with_what_was_asked(web: Web, firm: World) -> None:
    since = "2026-01-01T00:00:00Z"
    await fetch(web, f"/audit.csv?verbs=course.*&since={since}", firm, "Dan")

    async with firm.edge.read() as db:
        [(by, client, detail)] = await db.execute(
            text(
                "SELECT by_member_id, client, detail FROM journal_entry"
                " WHERE verb = 'audit.exported'"
            )
        )
    assert by == firm.members["Dan"]
    assert client == "127.0.0.1"
    assert detail["format"] == "csv"
    assert detail["filters"] == {"verbs": ["course.*"], "since": "2026-01-01 00:00:00+00:00"}
    assert len(await stored(firm, detail["upTo"])) == detail["upTo"]


async def test_a_part_is_shown_and_cannot_be_recomputed(web: Web, firm: World) -> None:
    """From where people acted is for those who see everything."""
    async with firm.edge.transaction() as db:
        course_id = firm.courses["Safety"]
        record(db, by=firm.system, verb="course.edited", course_id=course_id)
    whole = (await fetch(web, "/audit.jsonl", firm, "Mo")).content.splitlines()
    by_hash = {each["hash"]: each["entry"] for each in map(json.loads, whole)}

    for name in ("Dan", "Ina"):
        answer = await fetch(web, "/audit.jsonl", firm, name)
        lines = [json.loads(line) for line in answer.content.splitlines()]
        assert lines
        for each in lines:
            assert each["shown"] == {**by_hash[each["hash"]], "client": None, "salt": None}
        shown = {each["shown"]["course_id"] for each in lines}
        assert shown == ({course_id} if name == "Ina" else {course_id, None})


@pytest.mark.parametrize("path", ["/audit.jsonl", "/audit.csv"])
async def test_nobody_else_gets_a_copy_and_nothing_is_recorded(
    web: Web, firm: World, path: str
) -> None:
    before = await firm.verbs()

    assert (await fetch(web, path, firm, "Bo")).status_code == 403
    assert (await fetch(web, path, firm, None)).status_code == 401
    answer = await web.client.get(path, headers={"authorization": "Bearer nonsense"})

    assert answer.status_code == 401
    assert [each for each in await firm.verbs() if each != "member.activated"] == before


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("colour=blue", "there are verbs, origins, byMemberId"),
        ("since=yesterday", "is no moment"),
        ("verbs=%25", "is no verb of the journal"),
        ("cause=7", "is not the id of a cause"),
        ("courseId=7", "is not the id of a Course"),
        ("origins=pigeon", "there are GRAPHQL, SCIM"),
        ("bySystem=perhaps", "neither true nor false"),
        ("reason=a&reason=b", "was given twice"),
        ("reason=%00", "NUL"),
    ],
)
async def test_a_parameter_that_means_nothing_is_refused_by_name(
    web: Web, firm: World, query: str, part: str
) -> None:
    answer = await fetch(web, f"/audit.jsonl?{query}", firm, "Mo")

    assert answer.status_code == 400
    assert part in answer.json()["error"]
    assert "audit.exported" not in await firm.verbs()


async def test_every_filter_of_the_query_filters_a_copy_too(web: Web, firm: World) -> None:
    course = encode("Course", firm.courses["Safety"])
    member = encode("Member", firm.members["Ina"])
    query = f"courseId={course}&memberId={member}&origins=CLI&bySystem=true&until=2999-01-01"

    answer = await fetch(web, f"/audit.jsonl?{query}&verbs=instructor.assigned", firm, "Mo")

    [line] = answer.content.splitlines()
    assert json.loads(line)["entry"]["verb"] == "instructor.assigned"


async def test_a_spreadsheet_executes_nothing_of_a_copy(web: Web, firm: World) -> None:
    for formula in FORMULAS:
        async with firm.edge.transaction() as db:
            record(db, by=firm.system, verb="thing.done", reason=formula, after={"=1": '"=1'})

    answer = await fetch(web, "/audit.csv", firm, "Mo")
    header, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))

    assert tuple(header) == CSV_COLUMNS
    assert len(rows) == len(await stored(firm, len(rows)))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]
    reasons = [row[header.index("reason")] for row in rows]
    assert [each for each in reasons if each] == [f"'{formula}" for formula in FORMULAS]
    assert json.loads(rows[-1][header.index("after")]) == {"=1": '"=1'}


async def test_a_redacted_entry_stays_a_link_of_the_chain(
    web: Web, firm: World, sync_database: Engine
) -> None:
    around: Any = sync_database.raw_connection().driver_connection
    db: psycopg.Connection
    with unguarded(around) as db:
        db.execute(
            "UPDATE journal_entry SET by_name = '', after = NULL, salt = NULL, client = NULL,"
            " redacted_at = now() WHERE seq = 5"
        )

    file = (await fetch(web, "/audit.jsonl", firm, "Mo")).content

    assert "entry" not in json.loads(file.splitlines()[4])
    checked = check(file)
    assert checked.code == 0
    assert checked.out.endswith(" 1 redacted")


async def test_a_long_copy_is_of_one_moment_and_breaks_off_with_the_right(
    firm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries written meanwhile are not in it; rights are asked for every page."""
    monkeypatch.setattr(copying, "PAGE", 4)
    mo, jsonl = firm.caller("Mo"), FORMATS["jsonl"]
    up_to = await begin(firm.edge, mo, Filters(), jsonl)
    pieces: list[bytes] = []
    async for piece in copy(firm.edge, mo, Filters(), jsonl, up_to=up_to):
        pieces.append(piece)
        await firm.change("Bo", title=f"{len(pieces)}")
    whole = b"".join(pieces)
    assert len(pieces) > 4
    assert whole.count(b"\n") == up_to
    assert check(whole).code == 0

    copied = copy(firm.edge, mo, Filters(), jsonl, up_to=up_to)
    assert [await anext(copied), await anext(copied)] == pieces[:2]
    await firm.set_state("Mo", MemberState.DEACTIVATED)
    with pytest.raises(Exception, match="VIEW_AUDIT_LOG"):
        await anext(copied)


async def test_a_copy_breaks_off_when_its_token_ends(firm: World) -> None:
    mo, jsonl = firm.caller("Mo"), FORMATS["jsonl"]
    up_to = await begin(firm.edge, mo, Filters(), jsonl)

    async def never() -> bool:
        return False

    copied = copy(firm.edge, mo, Filters(), jsonl, up_to=up_to, is_live=never)
    assert await anext(copied) == b""
    with pytest.raises(AccessEnded):
        await anext(copied)
