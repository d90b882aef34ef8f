"""Live sessions through the contract: what is said, what is shown to whom, and what is hidden."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.live_sessions.teaching import COURSE, Class
from tests.resolvers.asking import Ask
from tests.world import World

NOW = dt.datetime.now(dt.UTC)
SOON = NOW + dt.timedelta(days=3)
LINK = "https://meet.example/ladders"
REFUSAL = "refusal { code message path ... on PlainRefusal { details } }"
CREATE = f"""mutation ($course: ID!, $start: DateTime!, $end: DateTime!, $staff: [ID!]) {{
  createLiveSession(courseId: $course, title: "Ladders", startsAt: $start, endsAt: $end,
    timeZone: "Europe/Stockholm", place: "Yard", link: "{LINK}", capacity: 2, staffIds: $staff) {{
    liveSession {{ id title startsAt startsAtLocal endsAtLocal place capacity freeCount link
      staff {{ displayName }} course {{ title }} isOver isRegistrationOpen }} {REFUSAL} }} }}"""
EDIT = f"""mutation ($id: ID!, $capacity: Int, $title: String) {{
  editLiveSession(liveSessionId: $id, capacity: $capacity, title: $title) {{
    liveSession {{ title capacity bookedCount waitingCount freeCount overbookedCount }}
    {REFUSAL} }} }}"""
REGISTER = f"""mutation ($id: ID!) {{ selfRegisterSession(liveSessionId: $id) {{
  liveSession {{ bookedCount waitingCount freeCount link }}
  registration {{ state waitlistPosition member {{ displayName }} }} {REFUSAL} }} }}"""
GIVE_BACK = REGISTER.replace("selfRegisterSession", "cancelMyRegistration")
PLACE = f"""mutation ($id: ID!, $people: [ID!]!, $overbook: Boolean!) {{
  placeLearners(liveSessionId: $id, memberIds: $people, overbook: $overbook) {{
    results {{ outcome member {{ displayName }}
               registration {{ state waitlistPosition isOverbooked }} }} {REFUSAL} }} }}"""
MARK = f"""mutation ($id: ID!, $entries: [AttendanceEntry!]!) {{
  markAttendance(liveSessionId: $id, entries: $entries) {{
    results {{ outcome registration {{ state minutesAttended }} }} {REFUSAL} }} }}"""
ONE = """query ($id: ID!) { liveSession(id: $id) { title link
  myRegistration { state waitlistPosition } } node(id: $id) { id } }"""
ROSTER = """query ($id: ID!, $state: [RegistrationState!], $search: String) {
  liveSession(id: $id) { registrations(state: $state, search: $search) { totalCount nodes {
    state waitlistPosition member { displayName } registeredBy { displayName } } } } }"""
OF_COURSE = """query ($id: ID!, $when: LiveSessionTime, $first: Int, $after: String) {
  course(id: $id) { liveSessions(when: $when, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { title isOver link } } } }"""
MINE = """query ($when: LiveSessionTime) { viewer { liveSessions(when: $when) {
  totalCount nodes { title state myRegistration { state } } } } }"""


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    return await Class.open(world, "Ann", "Bea", "Cid", "Dan")


@pytest.fixture
async def id(room: Class) -> str:
    """A live session with two seats, in three days."""
    made = await room.schedule(
        at=NOW, starts_at=SOON, ends_at=SOON + dt.timedelta(hours=1), capacity=2, link=LINK
    )
    return encode("LiveSession", made)


def code(answer: Any) -> str | None:
    refusal = answer["refusal"]
    return None if refusal is None else str(refusal["code"])


@pytest.mark.spec("M12", "H5")
async def test_a_coordinator_schedules_by_local_time_and_names_the_staff(
    room: Class, ask: Ask
) -> None:
    made = await ask.one(
        CREATE,
        by="Cora",
        course=ask.id("Course", COURSE),
        start="2032-07-01T09:00",
        end="2032-07-01T10:30",
        staff=[ask.id("Member", "Ingrid")],
    )

    shown = made["liveSession"]
    assert made["refusal"] is None
    assert shown["startsAt"] == "2032-07-01T07:00:00+00:00"
    assert shown["startsAtLocal"] == "2032-07-01T09:00:00+02:00"
    assert shown["endsAtLocal"] == "2032-07-01T10:30:00+02:00"
    assert (shown["freeCount"], shown["link"]) == (2, LINK)
    assert shown["staff"] == [{"displayName": "Ingrid"}]
    assert (shown["isOver"], shown["isRegistrationOpen"]) == (False, True)


@pytest.mark.spec("H5")
async def test_a_time_clocks_show_twice_is_refused_with_both(room: Class, ask: Ask) -> None:
    made = await ask.one(
        CREATE,
        by="Cora",
        course=ask.id("Course", COURSE),
        start="2032-10-31T02:30",
        end="2032-10-31T04:00",
    )

    assert (code(made), made["refusal"]["path"]) == ("BAD_USER_INPUT", ["startsAt"])
    assert made["refusal"]["details"]["choices"] == [
        "2032-10-31T02:30:00+02:00",
        "2032-10-31T02:30:00+01:00",
    ]


@pytest.mark.spec("M12")
async def test_a_self_paced_course_has_none(room: Class, ask: Ask) -> None:
    await room.world.course("Knots", coordinators_by_hand=["Cora"])
    course = ask.id("Course", "Knots")

    made = await ask.one(
        CREATE, by="Cora", course=course, start="2032-07-01T09:00Z", end="2032-07-01T10:00Z"
    )

    assert code(made) == "NOT_INSTRUCTOR_LED"


@pytest.mark.spec("H5")
async def test_learners_register_queue_and_see_their_place(id: str, ask: Ask) -> None:
    answers = [await ask.one(REGISTER, by=name, id=id) for name in ("Ann", "Bea", "Cid", "Dan")]

    assert [each["registration"] for each in answers] == [
        {"state": "BOOKED", "waitlistPosition": None, "member": {"displayName": "Ann"}},
        {"state": "BOOKED", "waitlistPosition": None, "member": {"displayName": "Bea"}},
        {"state": "WAITLISTED", "waitlistPosition": 1, "member": {"displayName": "Cid"}},
        {"state": "WAITLISTED", "waitlistPosition": 2, "member": {"displayName": "Dan"}},
    ]
    assert answers[3]["liveSession"] == {
        "bookedCount": 2,
        "waitingCount": 2,
        "freeCount": 0,
        "link": None,
    }
    await ask.one(GIVE_BACK, by="Ann", id=id)
    shown = await ask(ONE, by="Dan", id=id)
    assert shown["liveSession"]["myRegistration"] == {"state": "WAITLISTED", "waitlistPosition": 1}
    assert (await ask(ONE, by="Cid", id=id))["liveSession"]["link"] == LINK


@pytest.mark.spec("H5")
async def test_the_link_is_for_those_who_come_teach_or_look_after_it(
    id: str, room: Class, ask: Ask
) -> None:
    world = room.world
    for name in ("Gil", "Edda", "Mo"):
        await world.member(name)
    await world.grant("Gil", Principal.COURSE_TEACH, course=COURSE)
    await world.grant("Edda", Principal.COURSE_EDIT, course=COURSE)
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await ask.one(REGISTER, by="Ann", id=id)

    seen = {
        name: (await ask(ONE, by=name, id=id))["liveSession"]["link"]
        for name in ("Ann", "Bea", "Gil", "Edda", "Mo", "Ingrid", "Cora")
    }

    assert {name for name, link in seen.items() if link} == {"Ann", "Gil", "Mo", "Ingrid", "Cora"}


async def test_who_may_not_see_the_course_sees_no_live_session(
    id: str, room: Class, ask: Ask
) -> None:
    await room.world.member("Tom")

    assert await ask.code(ONE, by="Tom", id=id) == "NOT_FOUND"
    assert (await ask.one("query ($id: ID!) { node(id: $id) { id } }", by="Tom", id=id)) is None
    assert code(await ask.one(REGISTER, by="Tom", id=id)) == "NOT_FOUND"
    missing = encode("LiveSession", 2**40)
    assert code(await ask.one(REGISTER, by="Ann", id=missing)) == "NOT_FOUND"


@pytest.mark.spec("M36", "H5")
async def test_placing_answers_for_each_and_overbooks_where_it_is_said(id: str, ask: Ask) -> None:
    people = [ask.id("Member", name) for name in ("Ann", "Bea", "Cid", "Cora")]

    placed = await ask.one(PLACE, by="Cora", id=id, people=people, overbook=False)
    assert [each["outcome"] for each in placed["results"]] == [
        "BOOKED",
        "BOOKED",
        "WAITLISTED",
        "NOT_LEARNER",
    ]
    assert placed["results"][2]["registration"]["waitlistPosition"] == 1
    again = await ask.one(PLACE, by="Ingrid", id=id, people=people[2:3], overbook=True)
    assert again["results"][0]["registration"] == {
        "state": "BOOKED",
        "waitlistPosition": None,
        "isOverbooked": True,
    }
    changed = await ask.one(EDIT, by="Cora", id=id, capacity=2, title="Tall ladders")
    assert changed["liveSession"] == {
        "title": "Tall ladders",
        "capacity": 2,
        "bookedCount": 3,
        "waitingCount": 0,
        "freeCount": 0,
        "overbookedCount": 1,
    }
    assert await ask.code(PLACE, by="Ann", id=id, people=people, overbook=True) == (
        "PERMISSION_DENIED"
    )


@pytest.mark.spec("M36")
async def test_who_comes_too_late_to_place_people_is_told_the_limit(room: Class, ask: Ask) -> None:
    old = NOW - dt.timedelta(days=91)
    made = await room.schedule(at=NOW, starts_at=old, ends_at=old + dt.timedelta(hours=1))

    placed = await ask.one(
        PLACE,
        by="Cora",
        id=encode("LiveSession", made),
        people=[ask.id("Member", "Ann")],
        overbook=False,
    )

    assert code(placed) == "TOO_LATE"
    assert placed["refusal"]["details"]["limit"] == 90


async def test_attendance_is_marked_by_who_teaches(room: Class, ask: Ask) -> None:
    await room.world.member("Gil")
    await room.world.grant("Gil", Principal.COURSE_TEACH, course=COURSE)
    begun = NOW - dt.timedelta(minutes=5)
    made = await room.schedule(at=NOW, starts_at=begun, ends_at=begun + dt.timedelta(hours=1))
    id = encode("LiveSession", made)
    await room.place("Ann", at=NOW)

    entries = [
        {"memberId": ask.id("Member", "Ann"), "state": "PARTIAL", "minutes": 20},
        {"memberId": ask.id("Member", "Bea"), "state": "ATTENDED"},
    ]
    marked = await ask.one(MARK, by="Gil", id=id, entries=entries)

    assert marked["results"] == [
        {"outcome": "MARKED", "registration": {"state": "PARTIAL", "minutesAttended": 20}},
        {"outcome": "NOT_REGISTERED", "registration": None},
    ]
    assert await ask.code(MARK, by="Ann", id=id, entries=entries) == "PERMISSION_DENIED"


async def test_the_roster_is_narrowed_by_state_and_name_and_hidden_from_learners(
    id: str, ask: Ask
) -> None:
    for name in ("Dan", "Bea", "Cid", "Ann"):
        await ask.one(REGISTER, by=name, id=id)

    whole = await ask(ROSTER, by="Cora", id=id)
    rows = whole["liveSession"]["registrations"]
    assert [each["member"]["displayName"] for each in rows["nodes"]] == ["Bea", "Dan", "Cid", "Ann"]
    waiting = await ask(ROSTER, by="Cora", id=id, state=["WAITLISTED"], search="an")
    assert waiting["liveSession"]["registrations"] == {
        "totalCount": 1,
        "nodes": [
            {
                "state": "WAITLISTED",
                "waitlistPosition": 2,
                "member": {"displayName": "Ann"},
                "registeredBy": {"displayName": "Ann"},
            }
        ],
    }
    assert await ask.code(ROSTER, by="Ann", id=id) == "PERMISSION_DENIED"


async def test_the_live_sessions_of_a_course_are_paged_soonest_first_and_past_ones_latest_first(
    room: Class, ask: Ask
) -> None:
    for title, days in (("B", 5), ("A", 2), ("C", 9), ("Y", -2), ("Z", -9)):
        start = NOW + dt.timedelta(days=days)
        end = start + dt.timedelta(hours=1)
        await room.schedule(at=NOW, title=title, starts_at=start, ends_at=end)
    course = ask.id("Course", COURSE)

    async def titles(**narrowed: Any) -> list[str]:
        found, after = [], None
        while True:
            page = await ask(OF_COURSE, by="Ann", id=course, first=2, after=after, **narrowed)
            rows = page["course"]["liveSessions"]
            found += [each["title"] for each in rows["nodes"]]
            after = rows["pageInfo"]["endCursor"]
            if not rows["pageInfo"]["hasNextPage"]:
                assert rows["totalCount"] == len(found)
                return found

    assert await titles() == ["Z", "Y", "A", "B", "C"]
    assert await titles(when="UPCOMING") == ["A", "B", "C"]
    assert await titles(when="PAST") == ["Y", "Z"]


async def test_one_s_calendar_holds_what_one_comes_to_or_teaches(
    id: str, room: Class, ask: Ask
) -> None:
    await ask.one(REGISTER, by="Ann", id=id)
    await room.staff(["Ingrid"])
    other = SOON + dt.timedelta(days=1)
    await room.schedule(at=NOW, title="Ropes", starts_at=other, ends_at=other + (SOON - NOW))
    await ask.one(REGISTER, by="Bea", id=encode("LiveSession", room.live_session_id))
    await room.cancel(at=NOW)

    async def titles(by: str, **narrowed: Any) -> list[str]:
        page = await ask(MINE, by=by, **narrowed)
        return [each["title"] for each in page["viewer"]["liveSessions"]["nodes"]]

    assert await titles("Ann") == ["Ladders"]
    assert await titles("Ingrid") == ["Ladders"]
    assert await titles("Bea", when="UPCOMING") == ["Ropes"]
    assert await titles("Bea", when="PAST") == []
    assert await titles("Cid") == []
    await ask.one(GIVE_BACK, by="Ann", id=id)
    assert await titles("Ann") == []


async def test_once_the_waitlist_has_ended_nobody_has_a_place_on_it(
    id: str, room: Class, ask: Ask
) -> None:
    for name in ("Ann", "Bea", "Cid"):
        await ask.one(REGISTER, by=name, id=id)
    await room.end_waitlists(at=SOON)

    shown = await ask(ONE, by="Cid", id=id)

    assert shown["liveSession"]["myRegistration"] == {
        "state": "WAITLISTED",
        "waitlistPosition": None,
    }


@pytest.mark.parametrize("many", [2, 40])
async def test_a_page_of_live_sessions_takes_the_same_statements(
    room: Class, ask: Ask, statements: list[str], many: int
) -> None:
    async with room.world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO live_session (workspace_id, course_id, title, starts_at, ends_at,"
                " time_zone, state, link) SELECT :w, :c, 'L' || n, :s, :e, 'UTC', 'SCHEDULED',"
                " 'https://a.example' FROM generate_series(1, :many) n"
            ),
            {
                "w": room.world.workspace_id,
                "c": room.world.courses[COURSE],
                "s": SOON,
                "e": SOON + dt.timedelta(hours=1),
                "many": many,
            },
        )
        await db.execute(
            text(
                "INSERT INTO live_registration (workspace_id, live_session_id, member_id, state)"
                " SELECT :w, s.id, m.id, 'BOOKED' FROM live_session s, member m"
            ),
            {"w": room.world.workspace_id},
        )
    statements.clear()

    page = await ask(
        """query ($id: ID!) { course(id: $id) { liveSessions(first: 50) { totalCount nodes {
             title link bookedCount waitingCount freeCount staff { displayName }
             myRegistration { state } course { title } registrations(first: 5) { totalCount nodes {
               state waitlistPosition member { displayName } registeredBy { displayName } } }
           } } } }""",
        by="Cora",
        id=ask.id("Course", COURSE),
    )

    assert len(page["course"]["liveSessions"]["nodes"]) == many
    assert len(statements) == 12
