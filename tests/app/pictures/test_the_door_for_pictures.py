"""The door for pictures: drawn anew for whoever may see the figures at that moment."""

import asyncio
import base64
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal
from models.catalog import Course, CourseState
from models.identity import TokenKind
from operations import tokens
from operations.insights.pictures import of_courses, of_quizzes
from resolvers.ids import encode
from tests.app.serving import Web, running, settings_for
from tests.content import EVERY_KIND
from tests.files import no_longer_coordinates
from tests.taking import teach
from tests.world import World

pytestmark = [pytest.mark.timeout(120), pytest.mark.spec("X2")]

OF_COURSES: Final = [each.lower() for each in of_courses.DRAWN]
OF_QUIZZES: Final = [each.lower() for each in of_quizzes.DRAWN]
DASHBOARD: Final = frozenset({Permission.VIEW_COURSE_INSIGHTS, Permission.VIEW_COURSE_INFO})


@dataclass
class Gallery:
    """The web application, and a company in it."""

    web: Web
    world: World

    def token(self, name: str) -> str:
        token: str = self.web.here.local_issuer.mint(
            workspace_id=self.world.workspace_id,
            member_id=self.world.members[name],
            ttl=dt.timedelta(hours=1),
            at=dt.datetime.now(dt.UTC),
        )
        return token

    async def get(
        self, by: str, picture: str, *, course: str = "Safety", token: str = "", **headers: str
    ) -> httpx.Response:
        """A picture of a course, or of its quiz."""
        parts = [encode("Course", self.world.courses[course])]
        if picture in OF_QUIZZES:
            parts.append(encode("Module", self.world.modules["Quiz"]))
        return await self.web.client.get(
            f"/insights/{'/'.join(parts)}/{picture}.svg",
            headers={"authorization": f"Bearer {token or self.token(by)}"}
            | {key.replace("_", "-"): value for key, value in headers.items()},
        )


@pytest.fixture
async def gallery(
    sessions: async_sessionmaker[AsyncSession], database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Gallery]:
    """Cora coordinates Safety, which has a quiz; Lea and Luc learn."""
    world = await World.new(sessions)
    for name in ("Mona", "Cora", "Lea", "Luc", "Nobody"):
        await world.member(name, department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await teach(world, "Safety", Quiz=EVERY_KIND)
    await world.enrol("Safety", "Lea", "Luc")
    async with running(settings_for(tmp_path, database_url, redis_url)) as web:
        yield Gallery(web, world)


async def archive(world: World, course: str) -> None:
    async with world.edge.transaction() as db:
        row = await db.get_one(Course, world.courses[course])
        row.state = CourseState.ARCHIVED


@pytest.mark.parametrize("picture", OF_COURSES + OF_QUIZZES)
async def test_a_picture_comes_as_svg_that_can_do_nothing(gallery: Gallery, picture: str) -> None:
    answer = await gallery.get("Cora", picture)

    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    root = fromstring(answer.content)  # noqa: S314 - it is our own
    [style] = [each.text or "" for each in root.iter() if each.tag.endswith("style")]
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{allowed}'; frame-ancestors 'none'; sandbox"
    )


async def test_who_has_the_picture_is_not_sent_it_again_until_it_changes(gallery: Gallery) -> None:
    first = await gallery.get("Cora", "states")
    tag = first.headers["etag"]

    for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await gallery.get("Cora", "states", if_none_match=said)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    await gallery.world.enrol("Safety", "Nobody")
    changed = await gallery.get("Cora", "states", if_none_match=tag)
    assert changed.status_code == 200
    assert b"Of 3 learners" in changed.content


@pytest.mark.spec("C2", "M10", "M11")
async def test_refusals_are_those_of_the_figures(gallery: Gallery) -> None:
    async def status(by: str, picture: str, **more: str) -> int:
        return (await gallery.get(by, picture, **more)).status_code

    assert [await status("Lea", each) for each in ("states", "scores")] == [403, 403]
    assert [await status("Nobody", each) for each in ("states", "scores")] == [404, 404]
    assert await status("Cora", "states", token="nonsense") == 401
    await gallery.world.course("Law")
    assert [await status("Cora", "states", course="Law")] == [404]
    assert await status("Mona", "scores", course="Law") == 404
    assert await status("Cora", "circles") == 404
    await archive(gallery.world, "Safety")
    assert [await status("Cora", each) for each in ("states", "scores")] == [200, 409]
    assert await status("Mona", "scores") == 200


async def test_whoever_loses_the_role_gets_no_more_pictures(gallery: Gallery) -> None:
    tag = (await gallery.get("Cora", "trend")).headers["etag"]

    await no_longer_coordinates(gallery.world)

    assert (await gallery.get("Cora", "trend", if_none_match=tag)).status_code == 404


async def test_a_token_that_shows_no_people_is_shown_no_few(gallery: Gallery) -> None:
    mona = gallery.world.caller("Mona")
    async with gallery.world.edge.transaction() as db:
        _, secret = await tokens.create(
            db,
            by=mona,
            kind=TokenKind.PAT,
            member_id=mona.member_id,
            name="Dashboard",
            scopes=sorted(DASHBOARD),
            at=dt.datetime.now(dt.UTC),
        )
    for picture in OF_COURSES:
        answer = await gallery.get("", picture, token=secret)
        assert "too few people to show" in answer.text
        assert "Of 2 learners" not in answer.text


async def test_an_address_that_means_nothing_is_not_there(gallery: Gallery) -> None:
    headers = {"authorization": f"Bearer {gallery.token('Cora')}"}
    course = encode("Course", gallery.world.courses["Safety"])
    lead_nowhere = [
        f"/insights/{encode('Module', 1)}/states.svg",
        f"/insights/{course}/{course}/scores.svg",
        f"/insights/{course}/scores.svg",
        f"/insights/{course}/STATES.svg",
        f"/insights/{encode('Course', 2**70)}/states.svg",
    ]
    for path in lead_nowhere:
        assert (await gallery.web.client.get(path, headers=headers)).status_code == 404
    asked = await gallery.web.client.get(f"/insights/{course}/states.svg?x=1", headers=headers)
    assert asked.status_code == 400


async def test_time_alone_changes_a_picture(gallery: Gallery) -> None:
    """What is overdue is so without an entry in the journal, so the tag is not of the journal."""
    async with gallery.world.edge.transaction() as db:
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1.5)
        await db.execute(text("UPDATE course SET due_at = :soon"), {"soon": soon})
    before = await gallery.get("Cora", "overdue")

    await asyncio.sleep(1.6)
    after = await gallery.get("Cora", "overdue", if_none_match=before.headers["etag"])

    assert (before.status_code, after.status_code) == (200, 200)
    assert "2 overdue" in after.text
    assert "0 overdue" in before.text
