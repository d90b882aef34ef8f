"""Whatever a file says, the plan says exactly what applying it does, a second plan is empty, and a
copy of the workspace exports the same (S17)."""

import itertools
import re
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations.segment_files import applying
from operations.segment_files.planning import FilePlan
from tests.sampling import examples
from tests.world import MONDAY, World

pytestmark = [pytest.mark.spec("S17"), pytest.mark.timeout(300)]

NAMES = ("Alpha", "beta", "Gamma's “own”", 'De"lta\\', "ÅÄÖ")
PEOPLE = ("Ada", "Bo", "Cy")
COURSES = ("Fire", "First Aid", 'O\'Hara "x"')
RULES = (
    'department eq "Sales"',
    'DEPARTMENT eq "O\'Neill" and (level gt 2)',
    "not (everyone)",
    'hireDate gt now-P90D or title in ["a","b"]',
    'title co "a\\tb\\u2028ü"',
)
DESCRIPTIONS = ("", "Who sells.", "Two\nlines\t'and' \"quotes\" \\ æ", "[[segment]]\nname = 3")

_numbers = itertools.count(1)


def segments() -> st.SearchStrategy[dict[str, Any]]:
    modes = st.sampled_from([None, "SYNC", "FROZEN", "ADD_ONLY"])
    courses = st.dictionaries(st.sampled_from(COURSES), modes, max_size=3)
    shared = {
        "description": st.sampled_from(DESCRIPTIONS),
        "state": st.sampled_from(["ACTIVE", "PAUSED", "DRAFT"]),
        "usableByDepartments": st.booleans(),
        "courses": courses,
    }
    people = st.lists(st.sampled_from(PEOPLE), unique=True)
    return st.one_of(
        st.fixed_dictionaries({"rule": st.sampled_from(RULES)}, optional=shared),
        st.fixed_dictionaries({"people": people}, optional=shared),
    )


FILES = st.dictionaries(st.sampled_from(NAMES), segments(), max_size=4)


def document_of(wanted: dict[str, dict[str, Any]]) -> str:
    """The file, by other hands than the product's."""
    lines = ["format = 1"]
    for name, segment in wanted.items():
        lines += ["[[segment]]", f"name = {quoted(name)}"]
        for key, value in segment.items():
            lines.append(f"{key} = {quoted(value)}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Inline:
    """Text that is TOML already."""

    text: str


def _course(title: str, mode: str | None) -> Inline:
    said = quoted(title)
    return Inline(said if mode is None else f"{{title = {said}, mode = {quoted(mode)}}}")


def quoted(value: Any) -> str:
    if isinstance(value, dict):
        return quoted([_course(title, mode) for title, mode in value.items()])
    if isinstance(value, Inline):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if value in PEOPLE:
        value = f"{value}@acme.example"
    return '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'


def there_is(exported: str) -> dict[str, dict[str, Any]]:
    """By name: what an export says, its lists as sets; `modes` by course."""
    found = {}
    for each in tomllib.loads(exported).get("segment", []):
        modes = {course["title"]: course["mode"] for course in each.pop("courses")}
        people = set(each.pop("people", ()))
        found[each["name"]] = each | {"courses": set(modes), "modes": modes, "people": people}
    return found


def effects(before: str, after: str) -> list[tuple[str, ...]]:
    """What differs between two exports, as the steps that lead from one to the other."""
    one, other = there_is(before), there_is(after)
    found: list[tuple[str, ...]] = [("DELETE", name) for name in one.keys() - other.keys()]
    found += [("CREATE", name) for name in other.keys() - one.keys()]
    nothing: dict[str, Any] = {"courses": set(), "modes": {}, "people": set()}
    for name in one.keys() | other.keys():
        was, now = one.get(name, nothing), other.get(name, nothing)
        found += [("DETACH", name, each) for each in was["courses"] - now["courses"]]
        found += [("ATTACH", name, each) for each in now["courses"] - was["courses"]]
        both = was["courses"] & now["courses"]
        found += [
            ("CHANGE_MODE", name, each) for each in both if was["modes"][each] != now["modes"][each]
        ]
        if name in one and name in other:
            found += [("UNNAME_PEOPLE", name)] * bool(was["people"] - now["people"])
            if {**was, **nothing} != {**now, **nothing}:
                found.append(("CHANGE", name))
        if name in other:
            found += [("NAME_PEOPLE", name)] * bool(now["people"] - was["people"])
    return sorted(found)


def said(plan: FilePlan) -> list[tuple[str, ...]]:
    steps = ((step.action.value, step.segment, step.course) for step in plan.steps)
    return sorted(tuple(each for each in step if each is not None) for step in steps)


def without_ids(exported: str) -> str:
    return re.sub(r", id = \d+", "", exported)


async def office(sessions: async_sessionmaker[AsyncSession]) -> World:
    world = await World.new(sessions, f"acme-{next(_numbers)}")
    async with world.edge.transaction():
        world.slug = "acme"
    for name in PEOPLE:
        await world.member(name)
    for title in COURSES:
        await world.course(title)
    return world


async def export(world: World) -> str:
    async with world.edge.read() as db:
        return await applying.export(db, by=world.system)


async def plan(world: World, document: str, *, prune: bool) -> FilePlan:
    async with world.edge.read() as db:
        return await applying.plan(db, by=world.system, document=document, prune=prune)


async def apply(world: World, document: str, found: FilePlan, *, prune: bool) -> None:
    async with world.edge.transaction() as db:
        await applying.apply(
            db,
            by=world.system,
            document=document,
            based_on=found.based_on,
            at=MONDAY,
            prune=prune,
        )


@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=st.lists(st.tuples(FILES, st.booleans()), min_size=2, max_size=5))
async def test_a_plan_says_exactly_what_applying_does(
    sessions: async_sessionmaker[AsyncSession],
    files: list[tuple[dict[str, dict[str, Any]], bool]],
) -> None:
    world = await office(sessions)
    for wanted, prune in files:
        document, before = document_of(wanted), await export(world)
        found = await plan(world, document, prune=prune)
        if found.problems:
            assert_impossible(there_is(before), wanted)
            continue

        await apply(world, document, found, prune=prune)

        after = await export(world)
        assert said(found) == effects(before, after)
        assert said(await plan(world, document, prune=prune)) == []
        assert said(await plan(world, after, prune=True)) == []
        assert_wanted(there_is(after), wanted, prune=prune)
    copy, whole = await office(sessions), await export(world)
    await apply(copy, whole, await plan(copy, whole, prune=True), prune=True)
    assert without_ids(await export(copy)) == without_ids(whole).replace(
        whole.splitlines()[0], (await export(copy)).splitlines()[0]
    )


def assert_wanted(
    found: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]], *, prune: bool
) -> None:
    assert not prune or found.keys() == wanted.keys()
    for name, segment in wanted.items():
        its = found[name]
        for key in segment.keys() & {"description", "state", "usableByDepartments"}:
            assert its.get(key, False if key == "usableByDepartments" else "") == segment[key]
        assert its["courses"] == set(segment.get("courses", its["courses"]))
        modes = {title: mode for title, mode in segment.get("courses", {}).items() if mode}
        assert its["modes"] | modes == its["modes"]
        people = {f"{each.lower()}@acme.example" for each in segment.get("people", ())}
        assert its["people"] == people


def assert_impossible(
    present: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]]
) -> None:
    """What a plan refuses: a rule for a list of people and the reverse, and drafts of what is
    none."""
    assert any(
        name in present
        and (
            ("rule" in segment) is not ("rule" in present[name])
            or (segment.get("state") == "DRAFT" != present[name]["state"])
        )
        for name, segment in wanted.items()
    )
