"""Whatever state a company is in, what a preview says is what then happens, and looking changes
nothing (S9)."""

from collections.abc import Awaitable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.segments import AttachmentMode
from operations.preview.change import SegmentChangeKind
from operations.preview.previewing import SegmentPreview
from operations.refusals import Code, Refused
from tests.operations.preview.looking import (
    COURSES,
    PEOPLE,
    RULES,
    SEGMENTS,
    VALUES,
    Company,
    Rows,
)
from tests.proof.ledger import Ledger
from tests.sampling import examples

pytestmark = [pytest.mark.spec("S9"), pytest.mark.timeout(120)]

K = SegmentChangeKind
T = TypeVar("T")
KINDS = tuple(kind for kind in K if kind is not K.CREATE)
person, course = st.sampled_from(PEOPLE), st.sampled_from(COURSES)
segment, mode = st.sampled_from(SEGMENTS), st.sampled_from(AttachmentMode)
steps = st.one_of(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.tuples(
            st.just("change"), person, st.just(name), st.sampled_from(VALUES[name])
        )
    ),
    st.tuples(st.just("account"), person, st.sampled_from(["join", "leave", "return"])),
    st.tuples(
        st.just("role"), st.sampled_from(["instructors", "coordinators", "end"]), course, person
    ),
    st.tuples(st.just("say"), st.sampled_from(["exclude", "keep"]), course, person),
    st.tuples(st.just("attach"), course, segment, mode),
    st.tuples(st.just("follow"), course, segment, mode),
    st.tuples(st.just("detach"), course, segment),
    st.tuples(st.just("life"), st.sampled_from(["pause", "pause", "resume"]), segment),
    st.tuples(st.just("limit"), course, st.integers(1, 2)),
    st.tuples(st.just("grace"), st.sampled_from([0, 5])),
    st.tuples(st.just("pin"), person, segment, st.booleans()),
)
limits = st.sampled_from([("hold", 10, 20), ("hold", 1, 0), ("hold", 1, 50), ("hold", 2, 0)])
histories = st.builds(lambda limit, steps: [limit, *steps], limits, st.lists(steps, max_size=8))
changes = st.tuples(st.sampled_from(KINDS), segment, course, st.sampled_from(RULES), mode)


def told(found: SegmentPreview, name: str) -> set[tuple[int, int]]:
    return {(each.course_id, id) for each in found.courses for id in getattr(each, name)}


def assert_so(found: SegmentPreview, before: Rows, after: Rows) -> None:
    """What was said beforehand is what the rows say."""
    assert told(found, "gains") == after.coordinators - before.coordinators
    ends = after.ending - before.ending
    assert told(found, "losses") == (before.coordinators - after.coordinators) | ends
    lost = {(course, id) for course, id, _ in before.through - after.through}
    assert told(found, "kept") == lost & before.coordinators & after.coordinators - after.ending
    graceful = {each.course_id for each in found.courses if each.grace_days}
    assert ends == {at for at in told(found, "losses") if at[0] in graceful}
    assert told(found, "conflicts") == after.suppressed - before.suppressed
    assert found.invitations == after.invited - before.invited
    id = found.change.segment_id or 0
    assert (found.before, found.after) == (before.people_in[id], after.people_in[id])
    emptied = {course for course, _ in before.coordinators - before.ending} - {
        course for course, _ in after.coordinators - after.ending
    }
    assert {each.course_id for each in found.courses if each.is_emptied} == emptied


async def refused(doing: Awaitable[T]) -> tuple[Code | None, T | None]:
    """With which code it was refused, or what it gave."""
    try:
        return None, await doing
    except Refused as refusal:
        return refusal.code, None


# Shrinking a history of this size would take longer than reading it.
@settings(
    max_examples=examples(20),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories, looked_at=st.lists(changes, min_size=1, max_size=4))
@example(
    history=[
        ("attach", "Welding", "Sales", AttachmentMode.ADD_ONLY),
        ("change", "Cy", "department", "Ops"),
        ("attach", "Welding", "City", AttachmentMode.SYNC),
        ("role", "instructors", "Safety", "Bo"),
        ("say", "exclude", "Safety", "Ada"),
    ],
    looked_at=[
        (K.EDIT_RULE, "Sales", "Safety", RULES[1]),
        (K.DETACH, "Sales", "Welding", RULES[0]),
        (K.EDIT_RULE, "Sales", "Safety", RULES[4]),
        (K.PAUSE, "Sales", "Safety", RULES[0]),
        (K.EDIT_RULE, "Sales", "Safety", RULES[1]),
        (K.RESUME, "Sales", "Safety", RULES[0]),
        (K.ATTACH, "Named", "Old", RULES[0]),
        (K.ATTACH, "Named", "Welding", RULES[0]),
        (K.DELETE, "Sales", "Safety", RULES[0]),
    ],
)
@example(
    history=[
        ("role", "instructors", "Welding", "Ada"),
        ("say", "exclude", "Welding", "Ada"),
        ("attach", "Welding", "Named", AttachmentMode.SYNC),
        ("role", "instructors", "Old", "Ada"),
    ],
    looked_at=[
        (K.ATTACH, "Sales", "Welding", RULES[0]),
        (K.ATTACH, "Sales", "Old", RULES[0]),
        (K.DETACH, "Named", "Welding", RULES[0]),
        (K.EDIT_RULE, "Sales", "Welding", RULES[1]),
        (K.ATTACH, "Named", "Old", RULES[0]),
    ],
)
@example(
    history=[
        ("pin", "Ada", "Sales", False),
        ("pin", "Bo", "Sales", True),
        ("pin", "Cy", "City", True),
        ("pin", "Pea", "Sales", False),
    ],
    looked_at=[
        (K.EDIT_RULE, "Sales", "Safety", RULES[1]),
        (K.ATTACH, "City", "Safety", RULES[0]),
        (K.PAUSE, "Sales", "Safety", RULES[0]),
        (K.RESUME, "Sales", "Safety", RULES[0]),
        (K.EDIT_RULE, "Sales", "Safety", RULES[4]),
        (K.DETACH, "Sales", "Safety", RULES[0]),
        (K.DELETE, "City", "Safety", RULES[0]),
    ],
)
@example(
    history=[
        ("grace", 5),
        ("attach", "Welding", "Sales", AttachmentMode.REMOVE_ONLY),
        ("attach", "Old", "Sales", AttachmentMode.SYNC),
        ("change", "Ada", "department", "Ops"),
        ("role", "instructors", "Safety", "Ada"),
    ],
    looked_at=[
        (K.EDIT_RULE, "Sales", "Safety", RULES[5]),
        (K.EDIT_RULE, "Sales", "Safety", RULES[4]),
        (K.DETACH, "Sales", "Safety", RULES[0]),
        (K.ATTACH, "Sales", "Safety", RULES[0]),
        (K.DELETE, "Sales", "Safety", RULES[0]),
    ],
)
@example(
    history=[
        ("hold", 1, 0),
        ("attach", "Welding", "Sales", AttachmentMode.FROZEN),
        ("attach", "Welding", "Outer", AttachmentMode.SYNC),
        ("change", "Cy", "department", "Ops"),
        ("pin", "Pip", "Sales", False),
        ("attach", "Safety", "Line", AttachmentMode.ADD_ONLY),
        ("change", "Bo", "manager", None),
    ],
    looked_at=[
        (K.CHANGE_MODE, "Sales", "Welding", "", AttachmentMode.SYNC),
        (K.CHANGE_MODE, "Line", "Safety", "", AttachmentMode.REMOVE_ONLY),
        (K.CHANGE_MODE, "City", "Safety", "", AttachmentMode.FROZEN),
        (K.EDIT_RULE, "Line", "", 'not (memberOf has "Beyond")'),
        (K.EDIT_RULE, "Sales", "", 'reportsTo has "ada@"'),
        (K.DELETE, "Sales", ""),
    ],
)
@example(
    history=[("role", "instructors", "Safety", "Bo")],
    looked_at=[(K.EDIT_RULE, "Sales", "Safety", RULES[6])],
)
@example(
    history=[("attach", "Safety", "City", AttachmentMode.FROZEN), ("limit", "Safety", 1)],
    looked_at=[(K.PAUSE, "City", "Old", RULES[6])],
)
@example(
    history=[("limit", "Safety", 1)],
    looked_at=[
        (K.ATTACH, "Named", "Safety", RULES[0]),
        (K.ATTACH, "Sales", "Safety", RULES[0]),
        (K.DETACH, "Sales", "Safety", RULES[0]),
        (K.ATTACH, "City", "Safety", RULES[0]),
    ],
)
async def test_a_preview_says_what_then_happens(
    sessions: async_sessionmaker[AsyncSession],
    sync_database: Engine,
    history: list[Any],
    looked_at: list[Any],
) -> None:
    company = await Company.new(sessions, sync_database)
    for step in history:
        await company.take(step)
    await company.rest()
    for kind, segment, course, *said in looked_at:
        change = company.meant(kind, segment, course, *said)
        ledger = Ledger(sync_database)
        untouched, before = ledger.state(), await company.rows()
        waited = await company.held()
        refusal, found = await refused(company.look(change))
        assert ledger.state() == untouched
        refusal_then, _ = await refused(company.apply(change, found.basis if found else None))
        if found is None:
            # What could not be looked at is not confirmed, either.
            assert refusal_then in (refusal, Code.CONFIRMATION_REQUIRED)
            continue
        if any(each.is_refused for each in found.courses):
            assert refusal_then is Code.LIMIT_REACHED
            continue
        assert refusal_then is None
        assert found.is_settled
        await company.rest()
        waits = await company.held()
        new = {pair: hold for pair, hold in waits.items() if pair not in waited}
        assert new.keys() == found.waiting
        await company.approve(new)
        assert (await company.held()).keys() <= waited.keys()
        assert_so(found, before, await company.rows())
