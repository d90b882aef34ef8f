"""The page anybody checks certificates on, and the one GraphQL field for it: what strangers learn,
and nothing else (H4)."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from app.asgi import create_app
from models.certificates import Certificate
from schema.schema import schema
from tests.app.serving import Web, settings_for
from tests.certifying import REASON, School
from tests.furnishing import furnished
from tests.world import World

JSON = {"accept": "application/json"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
NOWHERE = "0000-1111-2222-3333-4444-5555-6666"
CHECK = (
    "query ($code: String!) { verifyCertificateByCode(code: $code)"
    " { learnerName courseTitle issuedOn state } }"
)
SAID = {"learnerName": "Lea", "courseTitle": "Selling", "issuedOn": "2026-03-02"}


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    app = create_app(settings_for(tmp_path, database_url, redis_url), schema=schema)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://coordinator.test"
        ) as client,
    ):
        yield Web(app, client)


@pytest.fixture
@furnished
async def school(world: World) -> School:
    school = await School.open(world)
    await school.complete("Lea")
    return school


class Reader(HTMLParser):
    """What a browser, or a program that reads the page aloud, would find; strict about tags."""

    VOID = frozenset({"meta", "input", "br", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += "" if "style" in self.open else data

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    def one(self, tag: str) -> dict[str, str | None]:
        [attributes] = [attributes for each, attributes in self.elements if each == tag]
        return attributes


async def look(web: Web, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return await web.client.get(f"/verify/{code}", headers=headers or JSON)


async def graphql(web: Web, code: str, **headers: str) -> Any:
    body = {"query": CHECK, "variables": {"code": code}}
    return (await web.client.post("/graphql", json=body, headers=headers)).json()


async def each_state(school: School) -> dict[str, Certificate]:
    """One certificate of Lea in each state, told by its name."""
    superseded = await school.generate()
    revoked = await school.generate()
    await school.remove(revoked)
    await school.set(certificate_days=1)
    expired = await school.generate()
    await school.set(certificate_days=None)
    await school.complete("Kim")
    issued = await school.generate("Kim")
    return {"SUPERSEDED": superseded, "REVOKED": revoked, "EXPIRED": expired, "ISSUED": issued}


@pytest.mark.spec("H4", "M7")
async def test_a_stranger_learns_name_course_day_and_state(web: Web, school: School) -> None:
    for state, made in (await each_state(school)).items():
        name = "Kim" if state == "ISSUED" else "Lea"
        said = {**SAID, "learnerName": name, "state": state}

        answer = await look(web, made.code)

        assert answer.status_code == 200
        assert answer.json() == said
        assert await graphql(web, made.code) == {"data": {"verifyCertificateByCode": said}}


@pytest.mark.spec("H4", "M7")
async def test_the_page_says_the_same_and_nothing_else(web: Web, school: School) -> None:
    words = {"SUPERSEDED": "Superseded", "REVOKED": "Revoked", "EXPIRED": "Expired"}
    for state, made in (await each_state(school)).items():
        answer = await look(web, made.code, BROWSER)
        page = Reader(answer.text)

        assert answer.status_code == 200
        assert words.get(state, "Valid") in page.text
        assert "2 March 2026" in page.text
        assert "Selling" in page.text
        for secret in ("acme", REASON, "Cora", str(made.printed["serial"]), "lea@"):
            assert secret.lower() not in answer.text.lower()


@pytest.mark.spec("H4")
async def test_the_code_is_found_however_it_is_typed(web: Web, school: School) -> None:
    code = (await school.generate()).code

    for typed in (code.lower(), code.replace("-", ""), code.replace("-", "%20")):
        assert (await look(web, typed)).json()["state"] == "ISSUED"
    assert (await graphql(web, f" {code.lower()} "))["data"]["verifyCertificateByCode"]


@pytest.mark.spec("H4", "C2")
@pytest.mark.parametrize("headers", [JSON, BROWSER], ids=["program", "browser"])
async def test_unknown_codes_and_what_is_no_code_look_alike(
    web: Web, school: School, headers: dict[str, str]
) -> None:
    code = (await school.generate()).code
    wrong = [NOWHERE, code[:-1], "%00", "é" * 90, "x" * 500, "%3Cscript%3E", code + "/"]

    answers = [await look(web, each, headers) for each in wrong[:-1]]

    assert {each.status_code for each in answers} == {404}
    pages = [Reader(each.text) for each in answers]
    for page in pages:
        for _, attributes in page.elements:
            attributes.pop("value", None)
    assert all(each.elements == pages[0].elements for each in pages)
    assert {each.text for each in pages} == {pages[0].text}
    for each in wrong:
        assert await graphql(web, each) == {"data": {"verifyCertificateByCode": None}}


@pytest.mark.spec("H4")
async def test_the_form_works_without_script_and_leads_to_the_page_of_the_code(
    web: Web, school: School
) -> None:
    code = (await school.generate()).code
    form = await web.client.get("/verify", headers=BROWSER)
    page = Reader(form.text)

    assert form.status_code == 200
    assert page.one("form") == {"action": "/verify", "method": "get"}
    assert page.one("label") == {"for": page.one("input")["id"]}
    assert page.one("input")["name"] == "code"
    asked = await web.client.get("/verify", params={"code": f" {code.lower()} "}, headers=BROWSER)
    assert asked.status_code == 303
    assert asked.headers["location"] == f"/verify/{code}"
    wrong = await web.client.get("/verify", params={"code": "<b>nothing"}, headers=BROWSER)
    assert wrong.status_code == 404
    again = Reader(wrong.text)
    assert again.one("input")["value"] == "<b>nothing"
    assert again.one("input")["aria-invalid"] == "true"
    assert "b" not in again.tags


@pytest.mark.spec("H4")
async def test_pages_can_be_read_by_everybody(web: Web, school: School) -> None:
    """WCAG: a language, a title, one main, one heading first, and names for what is typed into."""
    made = await school.generate()
    for path in ("/verify", f"/verify/{made.code}", f"/verify/{NOWHERE}"):
        answer = await web.client.get(path, headers=BROWSER)
        page = Reader(answer.text)

        assert page.one("html")["lang"] == "en"
        assert page.tags.count("main") == page.tags.count("h1") == page.tags.count("title") == 1
        assert "maximum-scale" not in answer.text
        assert "user-scalable" not in answer.text
        ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
        assert len(ids) == len(set(ids))
        named = [attributes.get("aria-describedby") for _, attributes in page.elements]
        assert {each for names in named if names for each in names.split()} <= set(ids)


@pytest.mark.spec("H4")
async def test_pages_tell_nobody_else_and_run_nothing(web: Web, school: School) -> None:
    made = await school.generate()
    for path in ("/verify", f"/verify/{made.code}", f"/verify/{NOWHERE}", "/verify?code=x"):
        answer = await web.client.get(path, headers=BROWSER)

        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
        )
        assert {"script", "img", "link", "iframe"}.isdisjoint(Reader(answer.text).tags)
        assert "set-cookie" not in answer.headers


async def test_names_are_shown_as_text(web: Web, school: School) -> None:
    name = "</dd><script>alert(1)</script>{{7*7}}abc"
    await school.world.change("Lea", displayName=name)
    made = await school.generate()

    page = Reader((await look(web, made.code, BROWSER)).text)

    assert "script" not in page.tags
    assert "</dd><script>alert(1)</script>{{7*7}}abc" in page.text


async def test_the_log_does_not_know_the_code(web: Web, school: School) -> None:
    code = (await school.generate()).code
    with structlog.testing.capture_logs() as logged:
        await look(web, code)
        await web.client.get("/verify", params={"code": code})
        await graphql(web, code)

    paths = [each["path"] for each in logged if "path" in each]
    assert paths == ["/verify/…", "/verify"]
    assert code not in str(logged)


@pytest.mark.spec("H4")
async def test_nobody_guesses_for_long(web: Web, school: School) -> None:
    code = (await school.generate()).code
    for _ in range(20):
        assert (await look(web, NOWHERE)).status_code == 404

    stopped = await look(web, code)

    assert stopped.status_code == 429
    assert int(stopped.headers["retry-after"]) > 0


@pytest.mark.spec("H4")
async def test_strangers_ask_graphql_for_what_is_public_alone_and_not_often(
    web: Web, school: School
) -> None:
    code = (await school.generate()).code
    field = f'verifyCertificateByCode(code: "{code}") {{ state }}'
    refused = {
        f"{{ {field} viewer {{ name }} }}": 401,
        f"{{ {field} other: {field} }}": 401,
        f"{{ ...all }} fragment all on Query {{ {field} }}": 401,
        "{ viewer { name } }": 401,
        "{ viewer { verifyCertificateByCode } }": 200,
        f"{{ __schema {{ types {{ name }} }} {field} }}": 200,
        "mutation { verifyCertificateByCode }": 200,
        f"subscription {{ {field} }}": 200,
        f"{{ {field} }} # {'x' * 5_000}": 401,
    }

    allowed = await web.ask(f"{{ __typename {field} }}")

    assert allowed.json()["data"] == {
        "__typename": "Query",
        "verifyCertificateByCode": {"state": "ISSUED"},
    }
    for document, status in refused.items():
        answer = await web.ask(document)
        assert answer.status_code == status, document
        assert "data" not in answer.json() or answer.json()["data"] is None, document
    statuses = [(await web.ask(f"{{ {field} }}")).status_code for _ in range(60)]
    assert statuses[-1] == 429
    assert (await web.ask("{ viewer { name } }")).status_code == 401


@pytest.mark.spec("G2")
async def test_what_is_dear_takes_a_stranger_many_turns(web: Web, school: School) -> None:
    document = "{ permissionCatalog { coordinate } }"

    statuses = [(await web.ask(document)).status_code for _ in range(4)]

    assert statuses[0] == 200
    assert statuses[-1] == 429


@pytest.mark.spec("H4")
async def test_a_token_that_is_not_good_opens_no_more_and_no_less(web: Web, school: School) -> None:
    code = (await school.generate()).code

    answer = await graphql(web, code, authorization="Bearer nobody")

    assert answer["data"]["verifyCertificateByCode"]["state"] == "ISSUED"
    token = web.here.local_issuer.mint(
        workspace_id=school.world.workspace_id,
        member_id=school.world.members["Nils"],
        ttl=dt.timedelta(hours=1),
        at=dt.datetime.now(dt.UTC),
    )
    answer = await graphql(web, code, authorization=f"Bearer {token}")
    assert answer["data"]["verifyCertificateByCode"] == {**SAID, "state": "ISSUED"}


async def test_a_query_for_strangers_is_no_stream(web: Web, school: School) -> None:
    headers = {"accept": "text/event-stream"}
    body = {"query": CHECK, "variables": {"code": NOWHERE}}

    answer = await web.client.post("/graphql", json=body, headers=headers)

    assert answer.status_code == 401


async def test_only_reading_is_there(web: Web, school: School) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await web.client.request(method, "/verify")).status_code == 405
        assert (await web.client.request(method, f"/verify/{NOWHERE}")).status_code == 405
    assert (await web.client.get("/verify/", follow_redirects=True)).status_code == 200
    assert json.loads((await web.client.get("/verify", headers=JSON)).text) == {}
