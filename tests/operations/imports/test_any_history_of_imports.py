"""Whatever files are brought, and whenever workers die over them: people become what a list of
people, gone through by hand, says they become (X5)."""

import copy
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.jobs import Job
from models.people import Member
from operations.imports import working
from operations.imports.planning import Said
from operations.imports.trying import attempt
from operations.jobs.working import RunIsOver
from tests.operations.imports.bringing import Bringing
from tests.sampling import examples
from tests.world import MONDAY, World

pytestmark = [pytest.mark.spec("X5"), pytest.mark.timeout(300)]

TITLES = ("User name", "E-mail", "Level")
NAMES = ("", "a", "b", "C", "d", "a@x.example")
ADDRESSES = ("", "a@x.example", "B@x.example", "c@x.example", "d@x.example", "nobody")
LEVELS = ("", "1", "2", "many")

_numbers = itertools.count(1)

rows = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(ADDRESSES), st.sampled_from(LEVELS)),
    min_size=1,
    max_size=7,
)


@dataclass(frozen=True)
class Story:
    """A file, in batches of so many rows; in which of them a worker dies, and whether before or
    after what it did is committed."""

    rows: list[tuple[str, str, str]]
    batch: int
    deaths: dict[int, bool]


stories = st.builds(
    Story, rows, st.integers(1, 3), st.dictionaries(st.integers(0, 5), st.booleans(), max_size=2)
)


@dataclass
class Someone:
    """A person of the list."""

    user_name: str
    email: str | None = None
    level: int | None = None


@dataclass
class Naive:
    """A list of people, and one file at a time gone through row by row."""

    people: list[Someone] = field(default_factory=list)

    def take(self, story: Story) -> list[str]:
        had: set[tuple[str, str]] = set()
        return [self._row(had, *cells) for cells in story.rows]

    def _row(self, had: set[tuple[str, str]], name: str, address: str, level: str) -> str:
        if address == "nobody" or level == "many" or not (name or address):
            return "REFUSED"
        by_name = [each for each in self.people if _same(each.user_name, name or address)]
        by_address = [each for each in self.people if address and _same(each.email, address)]
        said = {("user", (name or address).lower()), ("mail", address.lower())}
        for each in [*by_name, *by_address]:
            said |= {("user", each.user_name.lower()), ("mail", (each.email or "").lower())}
        said -= {("mail", "")}
        if said & had or (by_name and by_address and by_name[0] not in by_address):
            return "REFUSED"
        had |= said
        if not by_name and not by_address:
            self.people.append(Someone(name or address, address or None, int(level or 0) or None))
            return "CREATED"
        return _change((by_name or by_address)[0], name, address, level)

    def stored(self) -> set[tuple[str, str | None, int | None]]:
        return {(each.user_name, each.email, each.level) for each in self.people}


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.lower() == other.lower()


def _change(person: Someone, name: str, address: str, level: str) -> str:
    before = (person.user_name, person.email, person.level)
    if name and not _same(person.user_name, name):
        person.user_name = name
    if address and not _same(person.email, address):
        person.email = address
    if level:
        person.level = int(level)
    is_same = before == (person.user_name, person.email, person.level)
    return "UNCHANGED" if is_same else "UPDATED"


@settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(told=st.lists(stories, min_size=1, max_size=2))
@example(told=[Story([("a", "B@x.example", ""), ("b", "", ""), ("C", "a@x.example", "")], 1, {})])
async def test_people_become_what_a_list_gone_through_by_hand_says(
    sessions: async_sessionmaker[AsyncSession], told: list[Story]
) -> None:
    world = await World.new(sessions, f"w-{next(_numbers)}")
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    naive = Naive([Someone(f"mona@{world.slug}.example")])
    for user_name in ("a", "b"):
        await world.member(user_name, emails=[f"{user_name}@x.example"])
        await world.change(user_name, userName=user_name)
        naive.people.append(Someone(user_name, f"{user_name}@x.example"))

    for story in told:
        bringing = Bringing(world, TITLES, story.rows, batch=story.batch)
        await bringing.bring()
        await _work(bringing, story)
        foreseen = await bringing.outcomes()
        await bringing.confirm()
        await _work(bringing, story)
        became = await bringing.outcomes()

        assert became == naive.take(story) == foreseen
        assert await _stored(world) == naive.stored()
        assert [each.line for each in await bringing.kept()] == [s.line for s in bringing.said]
        again = Bringing(world, TITLES, story.rows)
        would = await again.check()
        assert would == copy.deepcopy(naive).take(story)
        if "REFUSED" not in became:
            assert set(would) <= {"UNCHANGED"}


async def _work(bringing: Bringing, story: Story) -> None:
    """Go through the file as the workers of the story do."""
    job = await bringing.claim()
    said = bringing.said
    batches = [said[at : at + story.batch] for at in range(0, len(said), story.batch)]
    for n, batch in enumerate(batches):
        if n not in story.deaths:
            await bringing.do(job, batch)
            continue
        if story.deaths[n]:
            await bringing.do(job, batch)
        else:
            await _die_over(bringing, job, batch)
        dead, job = job, await _next(bringing)
        with pytest.raises(RunIsOver):
            await bringing.do(dead, batch)
        left = [each for each in batch if each.line > job.applied_line]
        if left:
            await bringing.do(job, left)
    async with bringing.world.edge.transaction() as db:
        end = working.applied if job.is_applied else working.checked
        assert await end(db, job_id=job.id, run=job.runs, file=None, at=MONDAY)


async def _die_over(bringing: Bringing, job: Job, batch: list[Said]) -> None:
    plan = await bringing.plan()
    async with bringing.world.edge.sessions() as db:
        by = bringing.world.caller("Mona")
        tried = await attempt(
            db, by=by, job=job, plan=plan, rows=batch, at=MONDAY, dry_run=not job.is_applied
        )
        await working.keep(
            db,
            job=job,
            run=job.runs,
            plan=plan,
            said=batch,
            tried=tried,
            through_line=batch[-1].line,
        )
        await db.rollback()


async def _next(bringing: Bringing) -> Job:
    async with bringing.world.edge.transaction() as db:
        await db.execute(
            text("UPDATE job SET lease_until = now() - interval '1 second' WHERE id = :id"),
            {"id": bringing.job_id},
        )
    return await bringing.claim()


async def _stored(world: World) -> set[tuple[str, str | None, int | None]]:
    async with world.edge.read() as db:
        rows = await db.scalars(select(Member).where(Member.workspace_id == world.workspace_id))
        return {(each.user_name, each.email, each.attributes.get("level")) for each in rows}
