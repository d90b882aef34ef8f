"""The doors for certificates: who gets the PDF and the preview; nobody else learns of them."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.certificates import Certificate
from models.people import MemberState
from operations.certificates import templates
from resolvers.ids import encode
from tests.app.serving import Web, running, settings_for
from tests.certifying import School
from tests.furnishing import furnished
from tests.pdf import codes, words
from tests.world import World


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    settings = settings_for(tmp_path, database_url, redis_url, public_url="https://lms.example.com")
    async with running(settings) as started:
        yield started


@pytest.fixture
@furnished
async def school(world: World) -> School:
    school = await School.open(world)
    await school.complete("Lea")
    return school


def path_of(certificate: Certificate) -> str:
    return f"/certificates/{encode('Certificate', certificate.id)}.pdf"


def preview_of(school: School) -> str:
    return f"/certificates/preview/{encode('Course', school.course_id)}.pdf"


async def ask(
    web: Web, path: str, school: School, by: str | None, method: str = "GET", **sent: Any
) -> httpx.Response:
    headers = {}
    if by is not None:
        token = web.here.local_issuer.mint(
            workspace_id=school.world.workspace_id,
            member_id=school.world.members[by],
            ttl=dt.timedelta(hours=1),
            at=dt.datetime.now(dt.UTC),
        )
        headers["authorization"] = f"Bearer {token}"
    return await web.client.request(method, path, headers=headers, **sent)


@pytest.mark.spec("H4")
@pytest.mark.parametrize("by", ["Lea", "Cora", "Ingrid", "Mo", "Dora"])
async def test_the_person_and_whoever_lists_them_get_the_pdf(
    web: Web, school: School, by: str
) -> None:
    made = await school.generate()

    answer = await ask(web, path_of(made), school, by)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    name = 'attachment; filename="certificate-ACME-000001.pdf"'
    assert answer.headers["content-disposition"] == name
    assert answer.headers["cache-control"] == "no-store"
    assert "Lea has completed Selling" in words(answer.content)
    assert codes(answer.content) == [f"https://lms.example.com/verify/{made.code}"]


@pytest.mark.spec("H4")
async def test_the_same_certificate_is_the_same_bytes_until_it_ends(
    web: Web, school: School
) -> None:
    made = await school.generate()
    first = await ask(web, path_of(made), school, "Lea")
    second = await ask(web, path_of(made), school, "Cora")
    await school.remove(made)
    third = await ask(web, path_of(made), school, "Lea")

    assert first.content == second.content
    assert words(third.content).startswith("REVOKED Certificate of completion")


@pytest.mark.spec("C2")
async def test_missing_foreign_and_forbidden_ones_are_the_same_404(
    web: Web, school: School, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await School.open(await World.new(sessions, "other"))
    await other.complete("Lea")
    own, foreign = await school.generate(), await other.generate()
    asked = [
        *((path_of(own), by) for by in ("Kim", "Edda", "Nils")),
        *((path_of(foreign), by) for by in ("Mo", "Lea")),
        *(
            (f"/certificates/{id}.pdf", "Mo")
            for id in (
                encode("Certificate", 999_999),
                encode("Certificate", 2**63),
                encode("Member", own.id),
                str(own.id),
                "%00",
                "x" * 2_000,
            )
        ),
    ]

    answers = [await ask(web, path, school, by) for path, by in asked]

    assert {each.status_code for each in answers} == {404}
    assert {each.content for each in answers} == {b'{"error":"There is no such certificate."}'}


@pytest.mark.spec("C13")
async def test_the_enroller_gets_those_of_the_groups_they_made(web: Web, school: School) -> None:
    await school.world.grant("Nils", Principal.COURSE_ENROLL, course="Selling")
    path = path_of(await school.generate())
    await school.world.group("Mine", course="Selling", by="Nils")

    assert (await ask(web, path, school, "Nils")).status_code == 404

    await school.world.enrol("Selling", "Lea", group="Mine")
    assert (await ask(web, path, school, "Nils")).status_code == 200


@pytest.mark.spec("M2")
async def test_it_stays_one_s_own_after_everything_else_has_ended(web: Web, school: School) -> None:
    made = await school.generate()
    await school.unassign("Lea")

    assert (await ask(web, path_of(made), school, "Lea")).status_code == 200

    await school.world.set_state("Lea", MemberState.DEACTIVATED)
    assert (await ask(web, path_of(made), school, "Lea")).status_code == 403
    assert (await ask(web, path_of(made), school, "Cora")).status_code == 200


async def test_without_a_good_token_it_is_401(web: Web, school: School) -> None:
    made = await school.generate()

    for path in (path_of(made), preview_of(school), "/certificates/nothing.pdf"):
        assert (await ask(web, path, school, None)).status_code == 401


@pytest.mark.parametrize("by", ["Mo", "Dora", "Ingrid", "Edda"])
async def test_editors_see_the_template_with_values_nobody_has(
    web: Web, school: School, by: str
) -> None:
    async with school.world.edge.transaction() as db:
        await templates.edit(
            db, by=school.who("Mo"), course_id=school.course_id, changes={"heading": "Diploma"}
        )

    answer = await ask(web, preview_of(school), school, by)

    assert answer.status_code == 200
    assert "Diploma Alex Example has completed Selling" in words(answer.content)
    assert "ACME-000000" in words(answer.content)


async def test_a_draft_is_printed_and_not_kept(web: Web, school: School) -> None:
    draft = {
        "text": "{{workspaceName}} thanks {{learnerName}}",
        "orientation": "PORTRAIT",
        "signatures": [{"name": "Wilma", "title": "Boss"}],
    }

    answer = await ask(web, preview_of(school), school, "Edda", "POST", json=draft)

    assert "Acme thanks Alex Example Wilma Boss" in words(answer.content)
    assert "thanks" not in words((await ask(web, preview_of(school), school, "Edda")).content)


@pytest.mark.parametrize(
    ("draft", "status", "said"),
    [
        ({"text": "{{nobody}}"}, 409, "There is no variable “nobody”"),
        ({"accent": "#ffffff"}, 409, "too light"),
        ({"color": "red"}, 400, "A template has no color"),
        ({"heading": 7}, 400, "heading is a text"),
        ({"orientation": "ROUND"}, 400, "LANDSCAPE or PORTRAIT"),
        ({"signatures": [{"name": "x"}]}, 400, "a name and a title"),
        ([], 400, "one JSON object"),
    ],
)
async def test_a_draft_that_cannot_be_printed_is_refused_with_the_reason(
    web: Web, school: School, draft: object, status: int, said: str
) -> None:
    answer = await ask(web, preview_of(school), school, "Edda", "POST", json=draft)

    assert answer.status_code == status
    assert said in answer.json()["error"]


async def test_what_is_no_json_or_too_long_is_refused(web: Web, school: School) -> None:
    for content, status in ((b"{", 400), (b"[" * 9_000, 400), (b"x" * 70_000, 413)):
        answer = await ask(web, preview_of(school), school, "Edda", "POST", content=content)
        assert answer.status_code == status


@pytest.mark.spec("C2", "M14")
@pytest.mark.parametrize(("by", "status"), [("Cora", 403), ("Lea", 403), ("Nils", 404)])
async def test_nobody_else_previews(web: Web, school: School, by: str, status: int) -> None:
    assert (await ask(web, preview_of(school), school, by)).status_code == status
