"""Whatever happened, in whatever order: why at any time is what the rows said then (S10).

The truth is written down after every step from rows and views alone; the product answers at the
end, from the present and its journal.
"""

import datetime as dt
import itertools
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.people import MemberState
from models.segments import AttachmentMode
from operations import explain
from operations.explain import SegmentReason, Standing, WhyCoordinator
from tests.operations.why.telling import (
    COURSES,
    GROUPS,
    PEOPLE,
    RULES,
    SEGMENTS,
    VALUES,
    Company,
    Snapshot,
)
from tests.sampling import examples

# The longest history asks some thousand questions, on a machine that others use too.
pytestmark = [pytest.mark.spec("S10"), pytest.mark.timeout(180)]

INSTANT = dt.timedelta(microseconds=1)
LIFE: Final = ("segment.created", "segment.resumed", "segment.deleted")
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

person, course = st.sampled_from(PEOPLE), st.sampled_from(COURSES)
segment = st.sampled_from(SEGMENTS)
steps = st.one_of(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.tuples(
            st.just("change"), person, st.just(name), st.sampled_from(VALUES[name])
        )
    ),
    st.tuples(st.just("schema"), st.sampled_from(["define", "number", "text", "remove"])),
    st.tuples(
        st.just("group"),
        st.sampled_from(["add", "add", "remove", "rename", "delete"]),
        st.sampled_from(GROUPS),
        person,
    ),
    st.tuples(st.just("edit"), st.sampled_from(list(RULES)), st.integers(0, 2)),
    st.tuples(st.just("life"), st.sampled_from(["pause", "resume"]), segment),
    st.tuples(st.just("delete"), segment),
    st.tuples(st.just("name"), st.sampled_from(["in", "out"]), person),
    st.tuples(st.just("attach"), st.sampled_from(["on", "FROZEN", "off"]), course, segment),
    st.tuples(st.just("follow"), st.sampled_from(AttachmentMode), course, segment),
    st.tuples(
        st.just("role"),
        st.sampled_from(["instructors", "coordinators", "INSTRUCTOR", "COORDINATOR"]),
        course,
        person,
    ),
    st.tuples(
        st.just("say"),
        st.sampled_from(["exclude", "keep", "lift"]),
        course,
        person,
        st.sampled_from([None, 3]),
    ),
    st.tuples(st.just("account"), person, st.sampled_from(MemberState)),
    st.tuples(st.just("days"), st.integers(1, 8)),
    st.tuples(st.just("grace"), st.sampled_from([0, 3, 5])),
    st.tuples(st.just("works"), st.sampled_from(["all", "all", "people", "expand", "segments"])),
    st.tuples(st.just("change"), person, st.just("department"), st.sampled_from(("Sales", "Ops"))),
    st.tuples(st.just("works"), st.just("all")),
)


STORY: list[Any] = [
    ("works", "all"),
    ("change", "Ada", "department", "Ops"),
    ("works", "all"),
    ("change", "Ada", "department", "Legal"),
    ("edit", "Sales", 1),
    ("works", "people"),
    ("works", "all"),
    ("change", "Ada", "department", "Sales"),
    ("works", "all"),
    ("group", "add", "Crew", "Ada"),
    ("works", "all"),
    ("group", "rename", "Crew", "Bo"),
    ("works", "all"),
    ("group", "remove", "Crew", "Ada"),
    ("works", "all"),
    ("say", "keep", "Safety", "Ada", 3),
    ("say", "exclude", "Safety", "Bo", None),
    ("attach", "on", "Safety", "New"),
    ("days", 4),
    ("change", "Bo", "hireDate", "2026-03-01"),
    ("works", "all"),
    ("days", 8),
    ("works", "all"),
    ("attach", "on", "Welding", "Site"),
    ("change", "Ada", "site", "8"),
    ("schema", "number"),
    ("change", "Ada", "site", "7"),
    ("schema", "remove"),
    ("schema", "define"),
    ("change", "Ada", "site", "7"),
    ("edit", "Site", 1),
    ("works", "all"),
    ("life", "pause", "Sales"),
    ("follow", AttachmentMode.REMOVE_ONLY, "Safety", "Crew"),
    ("follow", AttachmentMode.FROZEN, "Safety", "New"),
    ("attach", "ADD_ONLY", "Welding", "Sales"),
    ("account", "Ada", MemberState.DEACTIVATED),
    ("works", "all"),
    ("account", "Ada", MemberState.ACTIVE),
    ("role", "instructors", "Safety", "Ada"),
    ("role", "coordinators", "Safety", "Ada"),
    ("role", "COORDINATOR", "Safety", "Ada"),
    ("follow", AttachmentMode.ADD_ONLY, "Safety", "Crew"),
    ("delete", "Sales"),
    ("works", "all"),
]
"""Each thing that the machine can draw, once in an order in which it matters."""


LOST: list[Any] = [
    ("change", "Ada", "hireDate", "2026-03-09"),
    ("works", "all"),
    ("name", "out", "Ada"),
    ("change", "Ada", "site", "8"),
    ("works", "all"),
    ("account", "Bo", MemberState.DEACTIVATED),
    ("change", "Bo", "site", "8"),
    ("works", "all"),
    ("account", "Bo", MemberState.ACTIVE),
    ("change", "Bo", "site", None),
    ("works", "all"),
]
"""People are named and let in, and the marker that says so is overwritten by something else."""


FOUND: list[Any] = [
    ("change", "Ada", "hireDate", "2026-03-09"),
    ("delete", "New"),
    ("days", 6),
    ("works", "people"),
    ("change", "Ada", "department", "Sales"),
    ("works", "all"),
    ("delete", "Site"),
    ("name", "out", "Bo"),
    ("days", 8),
    ("works", "all"),
    ("edit", "Sales", 1),
    ("days", 3),
]
"""Once, nothing was said of why Ada is in “Named”."""


GRACE: list[Any] = [
    ("grace", 5),
    ("works", "all"),
    ("change", "Ada", "department", "Ops"),
    ("works", "all"),
    ("attach", "off", "Welding", "Named"),
    ("attach", "on", "Welding", "Named"),
    ("change", "Ada", "department", "Sales"),
    ("works", "all"),
    ("delete", "Sales"),
    ("say", "exclude", "Safety", "Ada", None),
    ("say", "lift", "Safety", "Ada", None),
    ("role", "instructors", "Safety", "Bo"),
    ("role", "INSTRUCTOR", "Safety", "Bo"),
    ("grace", 0),
    ("works", "all"),
]
"""Roles that end: by the engine and by hand, regained, replaced, suppressed and over."""


def standing_of(then: Snapshot, course_id: int, member_id: int) -> Standing:
    """How the rows had the person stand."""
    pair = (course_id, member_id)
    attached = then.attached.get(course_id, ())
    kind = then.overrides.get(pair, ("",))[0]
    follows = any((course_id, member_id, each) in then.given for each in attached)
    if then.roles.get(pair) == "INSTRUCTOR":
        return Standing.INSTRUCTOR
    if then.people[member_id].state != "ACTIVE":
        return Standing.ACCOUNT_NOT_ACTIVE
    if pair in then.roles:
        return Standing.DIRECT
    if follows:
        return Standing.EXCLUDED if kind == "EXCLUDE" else Standing.DERIVED
    beside = {"KEEP": Standing.KEPT, "ENDING": Standing.ENDING}
    return beside.get(kind, Standing.NO_SOURCE)


def assert_led(
    why: WhyCoordinator, reason: SegmentReason, then: Snapshot, journal: Mapping[int, Any]
) -> None:
    """The entry is one of the cause that the rows have; or else the newest, before the engine
    looked, of all that may bear on it."""
    assert reason.cause is not None
    member_id, segment_id, seq = why.member_id, reason.segment_id, reason.cause.seq
    cause = then.sources[why.course_id, member_id, "SEGMENT", segment_id]
    if journal[seq].cause == cause or reason.mode != "SYNC":
        return

    def joined(each: Any) -> bool:
        moved = (each.detail or {}).get("segments", {}).get(str(segment_id), {})
        return member_id in moved.get("added", ())

    def bears(each: Any) -> bool:
        after = each.after or {}
        if each.segment_id is not None:
            named = member_id in after.get("memberIds", ())
            return each.segment_id == segment_id and (named or "rule" in after or each.verb in LIFE)
        if each.member_id is not None:
            values = after.get("attributes", after).keys()
            return each.member_id == member_id and (
                each.verb in ("member.added", "member.reactivated")
                or (each.verb == "member.changed" and bool(values & reason.changes.keys()))
            )
        moved = (each.detail or {}).get("added", ()), (each.detail or {}).get("removed", ())
        return ("now" in reason.changes and each.verb == "clock.ticked") or (
            "groups" in reason.changes
            and each.verb == "group.changed"
            and any(member_id in ids for ids in moved)
        )

    told = [each for each in journal.values() if each.seq <= then.head]
    opened = max(each.seq for each in told if joined(each))
    assert seq == max(each.seq for each in told if each.seq < opened and bears(each))


def assert_told(
    why: WhyCoordinator, then: Snapshot, journal: Mapping[int, Any], set_in: dict[Any, Any]
) -> None:
    """The answer says of that time what was written down then."""
    course_id, member_id = why.course_id, why.member_id
    pair = (course_id, member_id)
    attached = then.attached.get(course_id, ())
    assert why.is_coordinator is (pair in then.coordinators)
    assert why.unknown == ()
    assert why.account == then.people[member_id].state
    assert (why.role and why.role.role) == then.roles.get(pair)
    said = why.override and (why.override.kind, why.override.reason, why.override.expires_at)
    assert said == then.overrides.get(pair)
    assert tuple(each.segment_id for each in why.segments) == attached
    for reason in why.segments:
        row = then.segments[reason.segment_id]
        assert (reason.name, reason.state, reason.version) == (row.name, row.state, row.version)
        assert reason.is_member is ((member_id, reason.segment_id) in then.members_in)
        assert reason.explanation == then.explained(member_id, reason.segment_id)
        assert (reason.mode, reason.mode_since) == then.followed[course_id, reason.segment_id]
        assert reason.gives is ((course_id, member_id, reason.segment_id) in then.given)
        assert reason.by_mode or reason.gives is reason.is_member
        source = (course_id, member_id, "SEGMENT", reason.segment_id)
        is_excluded = then.overrides.get(pair, ("",))[0] == "EXCLUDE"
        assert (source in then.sources) is (reason.gives and not is_excluded)
        if source in then.sources:
            assert_led(why, reason, then, journal)
        if reason.ended_at is not None:
            assert reason.ended is not None
        for name, change in reason.changes.items():
            if (member_id, name) in set_in:
                assert change.seq in set_in[member_id, name], name


def set_until(company: Company, upto: int) -> dict[Any, Any]:
    """Between which numbers each attribute of each person was last set, as this test did it."""
    found: dict[Any, Any] = {}
    before = None
    for then in company.told[: upto + 1]:
        if then.step[0] == "change" and before is not None:
            member_id, name = company.world.members[then.step[1]], then.step[2]
            was = before.people[member_id].attributes.get(name)
            if then.people[member_id].attributes.get(name) != was:
                found[member_id, name] = range(then.before + 1, then.head + 1)
        before = then
    return found


async def asked(company: Company, **when: Any) -> list[WhyCoordinator]:
    """Everybody on every course, at one time."""
    world = company.world
    async with world.edge.read() as db:
        return [
            await explain.membership(
                db,
                by=world.system,
                course_id=world.courses[title],
                member_id=world.members[name],
                **when,
            )
            for title in COURSES
            for name in PEOPLE
        ]


# Shrinking a history of this size would take longer than reading it.
@settings(
    max_examples=examples(7),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, min_size=1, max_size=18))
@example(history=STORY)
@example(history=LOST)
@example(history=FOUND)
@example(history=GRACE)
async def test_why_at_any_time_is_what_was_so_then(
    sessions: async_sessionmaker[AsyncSession], sync_database: Engine, history: list[Any]
) -> None:
    company = await Company.new(sessions, sync_database)
    for step in history:
        await company.take(step)
    world = company.world
    async with world.edge.read() as db:
        rows = await db.execute(
            text("SELECT * FROM journal_entry WHERE workspace_id = :id ORDER BY seq"),
            {"id": world.workspace_id},
        )
        journal = {row.seq: row for row in rows}

    for number, then in enumerate(company.told[1:], start=1):
        last, following = journal[then.head].at, journal.get(then.head + 1)
        until = following.at - INSTANT if following else then.at
        times: dict[str, Any] = [{"at": last}, {"at": until}, {"seq": then.head}][number % 3]
        set_in = set_until(company, number)
        for why in await asked(company, **times):
            assert_told(why, then, journal, set_in)
            assert why.standing is standing_of(then, why.course_id, why.member_id)
            assert why.seq == then.head
    for nowhere in ({"at": LONG_AGO}, {"seq": 0}, {"seq": company.told[0].head}):
        for why in await asked(company, **nowhere):
            assert (why.standing, why.is_coordinator) == (Standing.NOT_THERE, False)
    for why in await asked(company):
        assert_told(why, company.told[-1], journal, {})
    await assert_told_in_time(company)


async def assert_told_in_time(company: Company) -> None:
    """The time line of each person on each course leads through every standing there was."""
    world = company.world
    for title in COURSES:
        for name in PEOPLE:
            about = {"course_id": world.courses[title], "member_id": world.members[name]}
            async with world.edge.read() as db:
                line = await explain.timeline(db, by=world.system, **about, limit=1000)
                half = line.turns[: line.count // 2]
                rest = await explain.timeline(
                    db,
                    by=world.system,
                    **about,
                    before_seq=half[-1].seq if half else None,
                    limit=1000,
                )
            assert [*half, *rest.turns] == line.turns
            for then in company.told[2:]:
                last = next((each for each in line.turns if each.seq <= then.head), None)
                standing = standing_of(then, *about.values())
                assert (last.standing if last else Standing.NO_SOURCE) is standing
            assert all(each.cause is not None for each in line.turns)
            for newer, older in itertools.pairwise(line.turns):
                assert (newer.was, newer.seq > older.seq) == (older.standing, True)
                assert newer.standing is not newer.was
