"""However a stream is cut and resumed, it tells the same; a snapshot and the events after it are
what a new snapshot would be."""

import random
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.resolvers.commotion import Commotion, company
from tests.resolvers.following import Event, Follow, Heard
from tests.world import World

STEPS = 100
QUIET = 0.3
"""Seconds after which nothing more comes, on a machine that has little else to do."""

PATIENCE = 5.0
"""After so many, what has not come is missing."""

OF_COURSE = """
subscription ($course: ID!, $after: Cursor, $state: Boolean = false) {
  coordinatorsChanged(courseId: $course, after: $after) {
    kind cursor at memberId courseId isCoordinator @include(if: $state)
  }
}
"""
OF_MINE = """
subscription ($after: Cursor, $state: Boolean = false) {
  coursesIManageChanged(after: $after) {
    kind cursor at memberId courseId isCoordinator @include(if: $state)
  }
}
"""
COORDINATORS = """
query ($course: ID!) {
  course(id: $course) { coordinators(first: 100) { position nodes { member { id } } } }
}
"""
MANAGED = """
query { coursesIManage(first: 100, includeArchived: true) { position nodes { id } } }
"""


@pytest.fixture
@furnished
async def moving(world: World, ask: Ask) -> World:
    """The company; Mo may see everything and takes no part; Ada's account stays active."""
    await company(world, ask.settle)
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    return world


def commotion(world: World, ask: Ask, seed: int) -> Commotion:
    return Commotion(world, ask.settle, random.Random(seed), stays=frozenset({"Ada"}))


def streams(ask: Ask) -> list[tuple[str, str, dict[str, str]]]:
    """Document, listener and variables of every stream that is looked at."""
    return [
        (OF_COURSE, "Mo", {"course": ask.id("Course", "Safety")}),
        (OF_COURSE, "Mo", {"course": ask.id("Course", "Welding")}),
        (OF_MINE, "Ada", {}),
    ]


def told(event: Event) -> tuple[Any, ...]:
    """What of an event is a fact of the journal; the rest is read when it is sent."""
    return tuple(event[key] for key in ("kind", "cursor", "at", "memberId", "courseId"))


async def lived_through(world: World, ask: Ask, heard: list[Heard], seed: int) -> list[list[Event]]:
    """What each of these streams tells while things happen, READY first."""
    happening = commotion(world, ask, seed)
    events = [[await each.next()] for each in heard]
    for number in range(STEPS):
        await happening.step()
        patience = 0.1 if number == STEPS - 1 else 0.005
        for each, so_far in zip(heard, events, strict=True):
            while not await each.is_silent(patience):
                so_far.append(each.last)
    return events


@pytest.mark.spec("U2")
async def test_every_place_to_go_on_from_gives_exactly_what_was_missed(
    moving: World, ask: Ask, follow: Follow
) -> None:
    async with AsyncExitStack() as stack:
        heard = [
            await stack.enter_async_context(follow(document, by=listener, **variables))
            for document, listener, variables in streams(ask)
        ]
        lived = await lived_through(moving, ask, heard, seed=1)

    for (document, listener, variables), events in zip(streams(ask), lived, strict=True):
        assert len(events) > 8
        for number, cut in enumerate(events, start=1):
            after = cut["cursor"]
            async with follow(document, by=listener, after=after, **variables) as again:
                missed = (await again.take(1 + len(events) - number))[1:]
            assert [told(each) for each in missed] == [told(each) for each in events[number:]]


async def test_every_place_of_the_journal_gives_what_is_numbered_after_it(
    moving: World, ask: Ask, follow: Follow
) -> None:
    async with AsyncExitStack() as stack:
        heard = [
            await stack.enter_async_context(follow(document, by=listener, **variables))
            for document, listener, variables in streams(ask)
        ]
        lived = await lived_through(moving, ask, heard, seed=2)

    for (document, listener, variables), (ready, *events) in zip(streams(ask), lived, strict=True):
        start = follow.place(ready["cursor"])
        places = [follow.place(each["cursor"]) for each in events]
        entries = [place.seq + (place.within is not None) for place in places]
        for seq in range(start.seq, max(entries) + 1, 5):
            after = ask.seal.position(replace(start, seq=seq))
            expected = [told(e) for e, entry in zip(events, entries, strict=True) if entry > seq]
            async with follow(document, by=listener, after=after, **variables) as again:
                missed = (await again.take(1 + len(expected)))[1:]
                assert [told(each) for each in missed] == expected, seq
                assert await again.is_silent(0.02)


@pytest.mark.spec("U2")
@pytest.mark.parametrize("seed", range(4, 8))
async def test_a_snapshot_and_the_events_after_it_are_a_new_snapshot(
    moving: World, ask: Ask, follow: Follow, seed: int
) -> None:
    happening = commotion(moving, ask, seed)
    safety = ask.id("Course", "Safety")
    for _ in range(10):
        await happening.step()
    people, of_people = await coordinators(ask, safety)
    courses, of_courses = await managed(ask)
    for _ in range(STEPS):
        await happening.step()

    async with (
        follow(OF_COURSE, by="Mo", course=safety, after=of_people, state=True) as changes,
        follow(OF_MINE, by="Ada", after=of_courses, state=True) as mine,
    ):
        await changes.next()
        await mine.next()
        for _ in range(2):
            until = time.monotonic() + PATIENCE
            while True:
                people = await applied(ask, safety, people, changes)
                while not await mine.is_silent(QUIET):
                    apply(courses, mine.last["courseId"], mine.last["isCoordinator"])
                now = (await coordinators(ask, safety))[0], (await managed(ask))[0]
                if (people, courses) == now or time.monotonic() > until:
                    break

            assert (people, courses) == now
            for _ in range(STEPS // 3):
                await happening.step()


async def applied(ask: Ask, course: str, people: set[str], changes: Heard) -> set[str]:
    """What a client knows after all that has come. A segment's people are read, not told."""
    while not await changes.is_silent(QUIET):
        if changes.last["kind"].startswith("SEGMENT"):
            people, _ = await coordinators(ask, course)
        elif changes.last["kind"] == "CHANGED":
            apply(people, changes.last["memberId"], changes.last["isCoordinator"])
    return people


def apply(known: set[str], id: str, is_in: bool) -> None:
    known.add(id) if is_in else known.discard(id)


async def coordinators(ask: Ask, course: str) -> tuple[set[str], str]:
    page = (await ask.one(COORDINATORS, by="Mo", course=course))["coordinators"]
    return {each["member"]["id"] for each in page["nodes"]}, page["position"]


async def managed(ask: Ask) -> tuple[set[str], str]:
    page = await ask.one(MANAGED, by="Ada")
    return {each["id"] for each in page["nodes"]}, page["position"]
