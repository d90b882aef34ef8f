"""Pages of lists: sizes, cursors, stability, and counts that a caller may know (G4, G8)."""

import datetime as dt
from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from access.permissions import Principal
from models.catalog import Course, CourseKind, CourseState
from models.people import Member
from resolvers.pages import asked, read_page
from resolvers.seal import Seal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

COURSES = """query ($first: Int, $after: String, $search: String, $state: [CourseState!]) {
  courses(first: $first, after: $after, search: $search, state: $state) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { title } } } }"""


@pytest.fixture
@furnished
async def library(world: World) -> World:
    """Five courses; Mona manages all, Cora coordinates two, Lea nothing."""
    for name in ("Mona", "Cora", "Lea"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for title in ("beta", "Alpha", "100% safe", "gamma_ray", "Delta"):
        mine = ["Cora"] if title in {"beta", "Delta"} else []
        await world.course(title, coordinators_by_hand=mine)
    return world


def titles(page: dict[str, Any]) -> list[str]:
    return [each["node"]["title"] for each in page["edges"]]


async def walk(ask: Ask, by: str, first: int) -> AsyncIterator[dict[str, Any]]:
    after, more = None, True
    while more:
        page = await ask.one(COURSES, by=by, first=first, after=after)
        yield page
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]


async def test_a_list_is_walked_page_by_page_without_gaps(library: World, ask: Ask) -> None:
    pages = [page async for page in walk(ask, "Mona", 2)]

    assert [titles(page) for page in pages] == [
        ["100% safe", "Alpha"],
        ["beta", "Delta"],
        ["gamma_ray"],
    ]
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False, True, True]
    assert {page["totalCount"] for page in pages} == {5}


async def test_rows_added_meanwhile_neither_repeat_nor_hide_others(
    library: World, ask: Ask
) -> None:
    seen = []
    async for page in walk(ask, "Mona", 1):
        seen += titles(page)
        if len(seen) == 2:
            await library.course("0 before")
            await library.course("zeta after")

    assert seen == ["100% safe", "Alpha", "beta", "Delta", "gamma_ray", "zeta after"]


async def test_equal_titles_are_told_apart(library: World, ask: Ask) -> None:
    async with library.edge.transaction() as db:
        same = {
            "workspace_id": library.workspace_id,
            "department_id": library.departments["Training"],
            "title": "Same",
            "kind": CourseKind.SELF_PACED,
            "state": CourseState.ACTIVE,
        }
        await db.execute(insert(Course), [same] * 7)

    seen = [title async for page in walk(ask, "Mona", 2) for title in titles(page)]

    assert seen.count("Same") == 7
    assert len(seen) == 12


async def test_the_list_and_its_count_hold_what_one_may_see(library: World, ask: Ask) -> None:
    for by, expected in {"Mona": 5, "Cora": 2, "Lea": 0}.items():
        page = await ask.one(COURSES, by=by)
        assert (page["totalCount"], len(page["edges"])) == (expected, expected)


@pytest.mark.parametrize(
    ("piece", "expected"),
    [("%", ["100% safe"]), ("_", ["gamma_ray"]), ("A", 5), ("ALPHA", ["Alpha"]), ("zzz", [])],
)
async def test_a_search_finds_pieces_whatever_their_case_and_percent_means_percent(
    library: World, ask: Ask, piece: str, expected: list[str] | int
) -> None:
    page = await ask.one(COURSES, by="Mona", search=piece)

    found = titles(page)
    assert (len(found) if isinstance(expected, int) else found) == expected
    assert page["totalCount"] == len(found)


async def test_a_search_is_bounded(library: World, ask: Ask) -> None:
    [error] = await ask.errors(COURSES, by="Mona", search="x" * 201)

    assert error["extensions"] == {"code": "BAD_USER_INPUT", "limit": 200, "actual": 201}


@pytest.mark.parametrize(("first", "rows", "more"), [(0, 0, True), (1, 1, True), (100, 5, False)])
async def test_a_page_may_have_0_to_100_rows(
    library: World, ask: Ask, first: int, rows: int, more: bool
) -> None:
    page = await ask.one(COURSES, by="Mona", first=first)

    assert (len(page["edges"]), page["pageInfo"]["hasNextPage"]) == (rows, more)
    assert page["totalCount"] == 5


@pytest.mark.parametrize("first", [-1, 101, 2**31 - 1])
@pytest.mark.parametrize("where", ["root", "nested"])
async def test_other_sizes_are_refused_with_the_limit(
    library: World, ask: Ask, first: int, where: str
) -> None:
    nested = """query ($first: Int) { courses(first: 1) { nodes {
      coordinators(first: $first) { totalCount } } } }"""

    [error] = await ask.errors(COURSES if where == "root" else nested, by="Mona", first=first)

    extensions = error["extensions"]
    assert extensions["code"] in {"BAD_USER_INPUT", "QUERY_TOO_COMPLEX"}
    if extensions["code"] == "BAD_USER_INPUT":
        assert (extensions["limit"], extensions["actual"]) == (100, first)


@pytest.mark.parametrize(
    "which", ["garbage", "empty", "of another list", "changed", "of another key", "long"]
)
async def test_a_page_cursor_that_is_not_of_this_list_is_refused(
    library: World, ask: Ask, which: str
) -> None:
    own = (await ask.one(COURSES, by="Mona"))["edges"][0]["cursor"]
    people = await ask.one("{ members { edges { cursor } } }", by="Mona")
    forged = Seal(b"another key").close(f"courses@{library.workspace_id}", ["alpha", 1])
    cursor = {
        "garbage": "år",
        "empty": "",
        "of another list": people["edges"][0]["cursor"],
        "changed": ("A" if own[0] != "A" else "B") + own[1:],
        "of another key": forged,
        "long": "A" * 3_000,
    }[which]

    [error] = await ask.errors(COURSES, by="Mona", after=cursor)

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "This page cursor was not issued here; ask again without it."


async def test_a_page_cursor_of_another_workspace_is_refused(
    library: World, ask: Ask, sessions: Any
) -> None:
    other = await World.new(sessions, "rival")
    await other.member("Rita")
    await other.grant("Rita", Principal.WORKSPACE_MANAGER)
    await other.course("Theirs")
    theirs = (await Ask(other).one(COURSES, by="Rita"))["edges"][0]["cursor"]

    assert await ask.code(COURSES, by="Mona", after=theirs) == "BAD_USER_INPUT"


async def test_the_pages_inside_a_list_have_cursors_of_their_own(library: World, ask: Ask) -> None:
    document = """query ($id: ID!, $after: String) { course(id: $id) {
      coordinators(first: 1, after: $after) { totalCount pageInfo { hasNextPage endCursor }
        nodes { member { displayName } } } } }"""
    await library.course("Staffed", coordinators_by_hand=["Cora", "Lea", "Mona"])
    course, after, more = ask.id("Course", "Staffed"), None, True
    seen: list[str] = []
    page: dict[str, Any] = {}

    while more:
        page = (await ask.one(document, by="Mona", id=course, after=after))["coordinators"]
        seen += [each["member"]["displayName"] for each in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert seen == ["Cora", "Lea", "Mona"]
    assert page["totalCount"] == 3


async def test_courses_are_narrowed_by_state_and_department(library: World, ask: Ask) -> None:
    await library.course("Old", state=CourseState.ARCHIVED, department="Sales")
    document = """query ($department: ID, $state: [CourseState!]) {
      courses(departmentId: $department, state: $state) { totalCount nodes { title } } }"""

    archived = await ask.one(document, by="Mona", state=["ARCHIVED"])
    none = await ask.one(document, by="Mona", state=[])
    of_sales = await ask.one(document, by="Mona", department=ask.id("Department", "Sales"))

    assert archived == of_sales == {"totalCount": 1, "nodes": [{"title": "Old"}]}
    assert none == {"totalCount": 0, "nodes": []}


async def test_courses_i_manage_leaves_archived_ones_behind_a_filter(
    library: World, ask: Ask
) -> None:
    await library.course("Old", state=CourseState.ARCHIVED, coordinators_by_hand=["Cora"])
    document = """query ($all: Boolean) { coursesIManage(includeArchived: $all) {
      totalCount nodes { title } } }"""

    current = await ask.one(document, by="Cora", all=False)
    everything = await ask.one(document, by="Cora", all=True)
    nothing = await ask.one(document, by="Mona", all=True)

    assert [each["title"] for each in current["nodes"]] == ["beta", "Delta"]
    assert everything["totalCount"] == 3
    assert nothing == {"totalCount": 0, "nodes": []}, "to manage a workspace is not to coordinate"


async def test_a_list_by_moment_goes_on_exactly_where_it_stood_whatever_time_zone_is_set(
    world: World,
) -> None:
    first = dt.datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=dt.UTC)
    moments = [first + n * dt.timedelta(microseconds=1) for n in (0, 1, 1, 2)]
    seal = Seal(b"k" * 32)
    async with world.edge.transaction() as db:
        for n, moment in enumerate(moments):
            id = await world.member(f"Person {n}")
            await db.execute(update(Member).where(Member.id == id).values(created_at=moment))
    statement = select(Member).where(Member.workspace_id == world.workspace_id)
    seen: list[dt.datetime] = []
    after = None
    for zone in cycle(("Asia/Tokyo", "America/New_York")):
        async with world.edge.transaction() as db:
            await db.execute(text(f"SET LOCAL TimeZone = '{zone}'"))
            page = await read_page(
                db,
                statement,
                order=(Member.created_at, Member.id),
                wanted=asked(seal, "people", 1, after),
                seal=seal,
                kind="people",
            )
            seen += [row[0].created_at for row in page.rows]
            [after] = page.cursors
        if not page.has_next:
            break
    assert seen == moments
