"""Who was there is marked after the start, corrected, and completes the course if it says so."""

from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Permission, Principal
from operations.live_sessions.attendance import Attendance
from operations.live_sessions.roster import RosterOutcome
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.operations.live_sessions.teaching import BEFORE, COURSE, DURING, Class
from tests.world import World

MARKED, UNCHANGED = RosterOutcome.MARKED, RosterOutcome.UNCHANGED


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    """Ann and Bea have the two seats, Cid waits."""
    room = await Class.open(world, "Ann", "Bea", "Cid")
    await room.schedule(capacity=2)
    await room.register("Ann", "Bea", "Cid")
    return room


async def refused(doing: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        await doing
    return refusal.value


async def progress_of(room: Class, name: str) -> tuple[Any, ...]:
    async with room.world.edge.read() as db:
        row = await db.execute(
            text(
                "SELECT p.state, a.state, a.origin, a.ended_by_id FROM progress p"
                " LEFT JOIN attempt a USING (course_id, member_id) WHERE p.member_id = :id"
            ),
            {"id": room.world.members[name]},
        )
        return tuple(row.one())


@pytest.mark.spec("H5")
async def test_attendance_is_marked_once_it_has_begun(room: Class) -> None:
    refusal = await refused(room.mark("Ann", at=BEFORE))
    assert refusal.code is Code.TOO_SOON

    assert await room.mark("Ann", minutes=110) == [MARKED]
    assert await room.mark("Bea", state=Attendance.PARTIAL, minutes=30) == [MARKED]
    assert await room.mark("Cid") == [RosterOutcome.NOT_REGISTERED]

    assert await room.states() == {"Ann": "ATTENDED", "Bea": "PARTIAL", "Cid": "WAITLISTED"}


async def test_a_correction_keeps_what_was_said_before_in_the_journal(room: Class) -> None:
    await room.mark("Ann", state=Attendance.NO_SHOW)
    assert await room.mark("Ann", state=Attendance.NO_SHOW) == [UNCHANGED]
    await room.mark("Ann", minutes=15)

    async with room.world.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT before, after, by_name FROM journal_entry"
                " WHERE verb = 'registration.marked' ORDER BY seq"
            )
        )
        assert [tuple(row) for row in rows] == [
            (
                {"state": "BOOKED", "minutes": None},
                {"state": "NO_SHOW", "minutes": None},
                "Cora",
            ),
            (
                {"state": "NO_SHOW", "minutes": None},
                {"state": "ATTENDED", "minutes": 15},
                "Cora",
            ),
        ]


@pytest.mark.spec("H5")
async def test_attending_completes_the_course_where_the_course_says_so(room: Class) -> None:
    await room.execute("UPDATE course SET attendance_completes = TRUE")

    await room.mark("Ann")
    await room.mark("Bea", state=Attendance.PARTIAL)

    by = room.world.members["Cora"]
    assert await progress_of(room, "Ann") == ("COMPLETED", "COMPLETED", "ATTENDANCE", by)
    assert await progress_of(room, "Bea") == ("NOT_STARTED", None, None, None)


async def test_attending_completes_nothing_where_the_course_does_not_say_so(room: Class) -> None:
    await room.mark("Ann")

    assert await progress_of(room, "Ann") == ("NOT_STARTED", None, None, None)


async def test_what_was_completed_stays_when_attendance_is_corrected(room: Class) -> None:
    await room.execute("UPDATE course SET attendance_completes = TRUE")
    await room.mark("Ann")

    await room.mark("Ann", state=Attendance.NO_SHOW)

    assert (await progress_of(room, "Ann"))[0] == "COMPLETED"
    assert await room.states() == {"Ann": "NO_SHOW", "Bea": "BOOKED", "Cid": "WAITLISTED"}


async def test_who_teaches_marks_attendance_and_completes_by_it(room: Class) -> None:
    await room.world.member("Gil")
    await room.world.grant("Gil", Principal.COURSE_TEACH, course=COURSE)
    await room.execute("UPDATE course SET attendance_completes = TRUE")

    assert await room.mark("Ann", by="Gil") == [MARKED]
    assert (await progress_of(room, "Ann"))[0] == "COMPLETED"
    with pytest.raises(Denied) as denied:
        await room.mark("Bea", by="Bea")
    assert denied.value.permission is Permission.MARK_ATTENDANCE


@pytest.mark.spec("M38")
@pytest.mark.parametrize(("allowed", "outcome"), [(False, "SELF_ACTION"), (True, "MARKED")])
async def test_nobody_completes_a_course_for_themself_by_marking_attendance(
    room: Class, allowed: bool, outcome: str
) -> None:
    await room.world.enrol(COURSE, "Cora")
    await room.place("Cora", overbook=True)
    await room.execute("UPDATE workspace SET allows_self_action = :allowed", allowed=allowed)

    assert await room.mark("Cora", state=Attendance.PARTIAL) == [MARKED]
    await room.execute("UPDATE course SET attendance_completes = TRUE")
    assert await room.mark("Cora", "Ann") == [RosterOutcome(outcome), MARKED]

    assert (await progress_of(room, "Cora"))[0] == ("COMPLETED" if allowed else "NOT_STARTED")
    assert (await progress_of(room, "Ann"))[0] == "COMPLETED"


@pytest.mark.parametrize(
    "marks",
    [
        {"minutes": -1},
        {"minutes": 44_641},
        {"state": Attendance.NO_SHOW, "minutes": 1},
    ],
)
async def test_what_cannot_be_is_refused(room: Class, marks: dict[str, Any]) -> None:
    refusal = await refused(room.mark("Ann", **marks))

    assert (refusal.code, refusal.details) == (Code.BAD_USER_INPUT, {"argument": "entries"})
    assert (await room.states())["Ann"] == "BOOKED"


async def test_nobody_is_marked_twice_in_one_call(room: Class) -> None:
    assert (await refused(room.mark("Ann", "Ann"))).code is Code.BAD_USER_INPUT


async def test_the_rest_of_the_roster_is_marked_in_the_same_statements(
    room: Class, statements: list[str]
) -> None:
    await room.execute("UPDATE course SET attendance_completes = TRUE")
    await room.place("Cid", overbook=True)
    statements.clear()
    await room.mark("Ann")
    one = len(statements)
    statements.clear()

    await room.mark("Bea", "Cid", at=DURING)

    assert len(statements) == one
