"""The link in an invitation: looked at as often as one likes, opened once (C5)."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.applications import Starlette

from access.permissions import Principal
from app import activation
from app.authentication.configuration import IssuerSetting
from models.people import MemberState
from operations import sign_in_identities
from operations.sign_in_identities import Identity
from resolvers.ids import encode
from tests.app.authentication.elsewhere import serving as issuing
from tests.app.authentication.visitors import Visitors, setting_for
from tests.app.serving import Web, running, settings_for
from tests.mailing import Outbox
from tests.world import World

JSON = {"accept": "application/json"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
NOWHERE = "/invitation/" + "A" * 43


@dataclass
class Invited:
    """Pea has a link; Max has an account."""

    outbox: Outbox
    path: str

    @property
    def world(self) -> World:
        return self.outbox.world

    async def state(self, name: str = "Pea") -> str:
        async with self.world.edge.read() as db:
            found = await db.scalar(
                text("SELECT state FROM member WHERE id = :id"), {"id": self.world.members[name]}
            )
            return str(found)


@pytest.fixture
async def invited(sessions: async_sessionmaker[AsyncSession]) -> Invited:
    outbox = Outbox(await World.new(sessions))
    await outbox.world.member("Max")
    await outbox.world.member("Pea", state=MemberState.PENDING, emails=["pea@acme.example"])
    await outbox.world.course("Safety", coordinators_by_hand=["Pea"])
    await outbox.look(at=dt.datetime.now(dt.UTC))
    [code] = await outbox.codes("Pea")
    return Invited(outbox, f"/invitation/{code}")


@pytest.fixture
async def web(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as web:
        yield web


class Reader(HTMLParser):
    """What a browser would see and do."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


async def test_looking_changes_nothing_however_often(web: Web, invited: Invited) -> None:
    for _ in range(3):
        await web.client.head(invited.path)
        await web.client.get(invited.path, headers=JSON)
    page = await web.client.get(invited.path, headers=BROWSER)

    assert page.status_code == 200
    seen = Reader(page.text)
    assert "Pea" in seen.text
    assert "Acme" in seen.text
    assert ("form", {"method": "post"}) in seen.elements
    assert await invited.state() == MemberState.PENDING
    assert "invitation.accepted" not in await invited.world.verbs()


async def test_the_button_makes_the_account_and_a_token_to_go_on_with(
    web: Web, invited: Invited
) -> None:
    page = await web.client.post(invited.path, headers=BROWSER)

    assert page.status_code == 200
    token = Reader(page.text).text.split("Your token\n")[1].split()[0]
    assert (await web.ask("{ name }", token)).json() == {"data": {"name": "Pea"}}
    assert await invited.state() == MemberState.ACTIVE
    assert await invited.world.coordinators_of("Safety") == {"Pea"}


async def test_a_program_is_told_the_same(web: Web, invited: Invited) -> None:
    looked = (await web.client.get(invited.path, headers=JSON)).json()
    done = (await web.client.post(invited.path, headers=JSON)).json()

    member = {"id": encode("Member", invited.world.members["Pea"]), "displayName": "Pea"}
    assert looked["member"] == done["member"] == member
    assert looked["workspace"] == {"slug": "acme", "name": "Acme"}
    left = dt.datetime.fromisoformat(looked["expiresAt"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=29) < left <= dt.timedelta(days=30)
    assert (await web.ask("{ name }", done["token"])).json()["data"] == {"name": "Pea"}


@pytest.mark.parametrize("headers", [JSON, BROWSER], ids=["program", "browser"])
async def test_unknown_used_and_expired_links_look_alike(
    web: Web, invited: Invited, headers: dict[str, str]
) -> None:
    expired = await web.client.get(NOWHERE, headers=headers)
    async with invited.world.edge.transaction() as db:
        await db.execute(text("UPDATE invitation SET expires_at = now() - interval '1 second'"))
    answers = [
        await web.client.request(method, path, headers=headers)
        for method in ("GET", "POST")
        for path in (invited.path, NOWHERE)
    ]
    async with invited.world.edge.transaction() as db:
        await db.execute(text("UPDATE invitation SET expires_at = now() + interval '1 hour'"))
    assert (await web.client.post(invited.path, headers=headers)).status_code == 200
    answers += [
        await web.client.request(method, invited.path, headers=headers)
        for method in ("GET", "POST")
    ]

    assert {each.status_code for each in answers} == {404}
    assert {each.text for each in answers} == {expired.text}


async def test_nobody_else_learns_the_link(web: Web, invited: Invited) -> None:
    for answer in (
        await web.client.get(invited.path, headers=BROWSER),
        await web.client.get(NOWHERE, headers=BROWSER),
        await web.client.post(invited.path, headers=BROWSER),
    ):
        headers = answer.headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]
        assert {"script", "img", "link", "iframe"}.isdisjoint(Reader(answer.text).tags())


async def test_the_log_does_not_know_the_link(web: Web, invited: Invited) -> None:
    code = invited.path.rpartition("/")[2]
    with structlog.testing.capture_logs() as logged:
        await web.client.get(invited.path)
        await web.client.post(invited.path)
        await web.client.post(invited.path)

    assert [each["path"] for each in logged if "path" in each] == ["/invitation/…"] * 3
    assert code not in str(logged)


async def test_names_are_shown_as_text(web: Web, invited: Invited) -> None:
    async with invited.world.edge.transaction() as db:
        await db.execute(
            text("UPDATE member SET display_name = '<script>x</script>' WHERE id = :id"),
            {"id": invited.world.members["Pea"]},
        )

    page = Reader((await web.client.get(invited.path, headers=BROWSER)).text)

    assert "script" not in page.tags()
    assert "<script>x</script>" in page.text


async def test_other_methods_and_longer_paths_are_not_there(web: Web, invited: Invited) -> None:
    assert (await web.client.delete(invited.path)).status_code == 405
    assert (await web.client.get(invited.path + "/more")).status_code == 404
    assert (await web.client.get("/invitation/")).status_code == 404
    assert (await web.client.get("/invitation/" + "%00" * 20)).status_code == 404
    assert (await web.client.get("/invitation/" + "é" * 400)).status_code == 404


@dataclass
class Elsewhere:
    """The same door where an issuer elsewhere signs people in."""

    client: httpx.AsyncClient
    visitors: Visitors


@pytest.fixture
async def elsewhere(invited: Invited, request: pytest.FixtureRequest) -> AsyncIterator[Elsewhere]:
    async with issuing() as server:
        setting: IssuerSetting = setting_for(server, **getattr(request, "param", {}))
        visitors = Visitors(invited.world, server, setting, now=dt.datetime.now(dt.UTC))
        routes = activation.routes(
            edge=invited.world.edge,
            bearer=visitors.bearer,
            local=None,
            issuers=[setting],
            now=lambda: visitors.now,
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=list(routes))),
            base_url="http://coordinator.test",
        ) as client:
            yield Elsewhere(client, visitors)
        await visitors.issuers.close()


def bearing(token: str) -> dict[str, str]:
    return {**JSON, "authorization": f"Bearer {token}"}


async def test_who_comes_with_the_word_of_an_issuer_is_known_by_it_from_then_on(
    elsewhere: Elsewhere, invited: Invited
) -> None:
    token = elsewhere.visitors.token("pea-1")

    answer = await elsewhere.client.post(invited.path, headers=bearing(token))

    assert answer.status_code == 200
    assert "token" not in answer.json()
    let_in = await elsewhere.visitors.enter(token)
    assert let_in.caller.member_id == invited.world.members["Pea"]


async def test_without_it_the_account_is_made_and_the_page_says_where_to_sign_in(
    elsewhere: Elsewhere, invited: Invited
) -> None:
    page = await elsewhere.client.post(invited.path, headers=BROWSER)

    assert "127.0.0.1" in Reader(page.text).text
    assert "Your token" not in page.text
    assert await invited.state() == MemberState.ACTIVE


@pytest.mark.parametrize("wrong", ["garbage", "lmsc_pat_x"])
async def test_a_token_that_is_not_valid_changes_nothing(
    elsewhere: Elsewhere, invited: Invited, wrong: str
) -> None:
    answer = await elsewhere.client.post(invited.path, headers=bearing(wrong))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await invited.state() == MemberState.PENDING


async def test_somebody_else_s_word_changes_nothing(elsewhere: Elsewhere, invited: Invited) -> None:
    await _bind(elsewhere, invited, "Max", "max-1")

    answer: Any = await elsewhere.client.post(
        invited.path, headers=bearing(elsewhere.visitors.token("max-1"))
    )

    assert answer.status_code == 409
    assert await invited.state() == MemberState.PENDING
    assert (await elsewhere.client.get(invited.path)).status_code == 200


@pytest.mark.parametrize("elsewhere", [{"workspaces": ["another"]}], indirect=True)
async def test_an_issuer_of_another_workspace_opens_nothing(
    elsewhere: Elsewhere, invited: Invited
) -> None:
    answer = await elsewhere.client.post(
        invited.path, headers=bearing(elsewhere.visitors.token("pea-1"))
    )

    assert answer.status_code == 403
    assert "does not sign people in" in answer.json()["error"]
    assert await invited.state() == MemberState.PENDING
    assert (await elsewhere.client.get(invited.path)).status_code == 200


async def _bind(elsewhere: Elsewhere, invited: Invited, name: str, subject: str) -> None:
    async with invited.world.edge.transaction() as db:
        await sign_in_identities.bind(
            db,
            by=invited.world.system,
            member_id=invited.world.members[name],
            identity=Identity(elsewhere.visitors.server.address, subject),
            at=elsewhere.visitors.now,
        )


async def test_a_grant_that_was_promised_counts_at_once(
    web: Web, sessions: async_sessionmaker[AsyncSession]
) -> None:
    outbox = Outbox(await World.new(sessions))
    at = dt.datetime.now(dt.UTC)
    await outbox.world.member("Fin", state=MemberState.PENDING, emails=["fin@acme.example"])
    await outbox.world.grant("Fin", Principal.FINANCE_MANAGER)
    async with outbox.world.edge.transaction() as db:
        await db.execute(
            text("UPDATE access_grant SET pending_until = :until"),
            {"until": at + dt.timedelta(days=30)},
        )
    await outbox.look(at=at)
    [code] = await outbox.codes("Fin")

    assert (await web.client.post(f"/invitation/{code}", headers=JSON)).status_code == 200

    async with outbox.world.edge.read() as db:
        assert await db.scalar(text("SELECT count(*) FROM access_grant")) == 1
        assert await db.scalar(text("SELECT pending_until FROM access_grant")) is None
