"""Many write, many listen and are cut off at random, Redis forgets everything: nobody misses an
event, hears one twice, or in another order."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.coordinators import CourseRoleKind
from operations import coordinators, courses, overrides
from operations.coordinators import OnConflict
from operations.refusals import Refused
from resolvers import ids
from tests.sampling import is_whole
from tests.stories.dashboards import COORDINATORS, Event, over_events, over_socket
from tests.stories.running import Company, Found
from tests.world import MONDAY

pytestmark = pytest.mark.timeout(90)

WRITERS = 8
WRITES = 80 if is_whole() else 40
LISTENERS = 20
PEOPLE = 24

JOURNAL = text("""
SELECT seq, verb, member_id, detail FROM journal_entry
 WHERE workspace_id = :workspace_id AND seq > :seq
   AND (change_set_id IS NOT NULL OR course_id = :course_id) ORDER BY seq
""")
WAITING = text("""
SELECT EXISTS (SELECT FROM dirty_member WHERE workspace_id = :id)
    OR EXISTS (SELECT FROM dirty_segment WHERE workspace_id = :id)
    OR EXISTS (SELECT FROM dirty_reports WHERE workspace_id = :id)
""")

Heard = list[tuple[int, int, bool]]
"""Entry, person, and whether the person was said to be coordinator."""


async def company_of(found: Found) -> Company:
    company = await found()
    world = company.world
    await world.member("Mo")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    for number in range(PEOPLE):
        await world.member(f"P{number}", department="Ops")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sellers"])
    return company


async def write(company: Company, rng: random.Random) -> None:
    """One of all the things that concern a course's coordinators."""
    world = company.world
    name = f"P{rng.randrange(PEOPLE)}"
    about: dict[str, Any] = {"course_id": world.courses["Safety"]}
    member_id = world.members[name]
    choice = rng.randrange(8)
    if choice < 4:
        await world.change(name, department=rng.choice(["Sales", "Ops"]))
        return
    async with world.edge.transaction() as db:
        if choice == 4:
            about[rng.choice(["instructors", "coordinators"])] = [member_id]
            await coordinators.assign(db, by=world.system, **about, on_conflict=OnConflict.SWITCH)
        elif choice == 5:
            kind = rng.choice(list(CourseRoleKind))
            await coordinators.remove(
                db, by=world.system, **about, role=kind, member_ids=[member_id]
            )
        elif choice == 6:
            await overrides.exclude(
                db,
                by=world.system,
                **about,
                member_id=member_id,
                reason="On leave.",
                expires_at=None,
                at=MONDAY,
            )
        else:
            await overrides.lift(db, by=world.system, **about, member_id=member_id)


async def writer(company: Company, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(WRITES):
        try:
            await write(company, rng)
        except Refused:
            continue
        finally:
            await asyncio.sleep(rng.random() * 0.05)


async def listener(company: Company, token: str, start: str, seed: int) -> tuple[Heard, int]:
    """Everything up to the edited title, and how often the stream was cut."""
    rng = random.Random(seed)
    heard: Heard = []
    cursor, cuts = start, 0
    while True:
        patience = rng.randrange(1, 60)
        stream: Any = rng.choice([over_socket, over_events])
        course = company.id("Course", "Safety")
        async with stream(company, token, COORDINATORS, course=course, after=cursor) as dashboard:
            ready = await dashboard.next()
            assert ready is not None
            assert (ready["kind"], ready["cursor"]) == ("READY", cursor)
            for _ in range(patience):
                event = await dashboard.next()
                assert event is not None
                if event["kind"] == "COURSE_EDITED":
                    return heard, cuts
                cursor = event["cursor"]
                if event["kind"] == "CHANGED":
                    heard.append(taken_from(company, event))
        cuts += 1


def taken_from(company: Company, event: Event) -> tuple[int, int, bool]:
    place = company.place(event["cursor"])
    member = ids.decode(event["memberId"])
    assert member is not None
    return place.seq + (place.within is not None), member.number, event["isCoordinator"]


async def settled(company: Company) -> None:
    async with asyncio.timeout(30):
        while True:
            async with company.world.edge.sessions() as db:
                if not await db.scalar(WAITING, {"id": company.world.workspace_id}):
                    return
            await asyncio.sleep(0.05)


async def written(company: Company, seq: int) -> list[tuple[int, int]]:
    """What the journal says concerned the course: (entry, person), in order."""
    world = company.world
    segment = str(world.segments["Sellers"])
    about = {
        "workspace_id": world.workspace_id,
        "seq": seq,
        "course_id": world.courses["Safety"],
    }
    expected: list[tuple[int, int]] = []
    async with world.edge.sessions() as db:
        for number, _, member_id, detail in await db.execute(JOURNAL, about):
            if member_id is not None:
                expected.append((number, member_id))
            else:
                moved = (detail or {}).get("segments", {}).get(segment, {})
                people = {*moved.get("added", ()), *moved.get("removed", ())}
                expected += [(number, each) for each in sorted(people)]
    return expected


@pytest.mark.spec("U2")
async def test_a_storm_of_changes_reaches_everybody_exactly_once_and_in_order(
    found: Found, record_property: Callable[[str, object], None]
) -> None:
    company = await company_of(found)
    await settled(company)
    token, course = company.token("Mo"), company.id("Course", "Safety")
    async with over_socket(company, token, COORDINATORS, course=course) as first:
        ready = await first.next()
    assert ready is not None
    began = time.monotonic()
    listening = [
        asyncio.create_task(listener(company, token, ready["cursor"], seed))
        for seed in range(LISTENERS)
    ]
    writing = [asyncio.create_task(writer(company, 100 + seed)) for seed in range(WRITERS)]
    await asyncio.sleep(1.0)
    await asyncio.to_thread(company.system.forget_redis)
    await asyncio.gather(*writing)
    await settled(company)
    world = company.world
    async with world.edge.transaction() as db:
        changes = {"title": "The end"}
        await courses.edit(db, by=world.system, course_id=world.courses["Safety"], changes=changes)
    results = await asyncio.gather(*listening)
    seconds = time.monotonic() - began

    expected = await written(company, company.place(ready["cursor"]).seq)
    assert len(expected) > WRITERS * WRITES // 4
    now = {world.members[name] for name in await world.coordinators_of("Safety")}
    for heard, _ in results:
        assert [(seq, member_id) for seq, member_id, _ in heard] == expected
        last = {member_id: is_coordinator for _, member_id, is_coordinator in heard}
        assert {member_id for member_id, is_so in last.items() if is_so} == now
    cuts = sum(cut for _, cut in results)
    assert cuts > LISTENERS
    record_property(
        "storm",
        f"{WRITERS} writers, {len(expected)} events × {LISTENERS} listeners, {cuts} cuts, "
        f"{seconds:.1f} s: 0 missing, 0 twice, 0 out of order",
    )
