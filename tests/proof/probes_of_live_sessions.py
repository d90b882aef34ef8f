"""The operations on live sessions, on their rosters, and on one's own registration."""

from typing import Any, Final

from tests.proof import table
from tests.proof.probing import Case, Probe, case, mutation, of_course
from tests.proof.table import SELF, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town
from tests.proof.town_attempts import student_of
from tests.proof.town_live_sessions import AHEAD, PAST, TO_COME

BY_ONESELF: Final = (
    case(OWN, SELF, WITHIN),
    case(TWIN, SELF, place=TWIN),
    case(ABROAD, SELF, place=ABROAD),
)


def _id(town: Town, names: dict[str, str], case: Case) -> str:
    name = names["Law" if case.place == TWIN else "Selling"]
    return town.city(case.place).id("LiveSession", name)


def _student(town: Town, who: str, case: Case) -> str:
    name = student_of(who if who in table.PEOPLE else "learner")
    return town.person(name, case.place)


def _entry(town: Town, case: Case) -> dict[str, Any]:
    """So many minutes as nobody was marked with before."""
    student = town.person(student_of("learner"), case.place)
    return {"memberId": student, "state": "ATTENDED", "minutes": town.turn()}


OF_LIVE_SESSIONS: Final = (
    Probe(
        "manage_sessions",
        mutation(
            "createLiveSession",
            "$course: ID!, $title: String!",
            'courseId: $course, title: $title, timeZone: "UTC",'
            ' startsAt: "2040-01-01T09:00", endsAt: "2040-01-01T10:00"',
        ),
        lambda town, who, case: {**of_course(town, who, case), "title": town.word()},
        changes="live_session.created",
    ),
    Probe(
        "manage_sessions",
        mutation(
            "editLiveSession",
            "$liveSession: ID!, $title: String!",
            "liveSessionId: $liveSession, title: $title",
        ),
        lambda town, _, case: {"liveSession": _id(town, TO_COME, case), "title": town.word()},
        changes="live_session.edited",
    ),
    Probe(
        "manage_session_roster",
        mutation(
            "placeLearners",
            "$liveSession: ID!, $people: [ID!]!",
            "liveSessionId: $liveSession, memberIds: $people, overbook: true",
        ),
        lambda town, who, case: {
            "liveSession": _id(town, TO_COME, case),
            "people": [_student(town, who, case)],
        },
        changes="registration.booked",
    ),
    Probe(
        "mark_attendance",
        mutation(
            "markAttendance",
            "$liveSession: ID!, $entries: [AttendanceEntry!]!",
            "liveSessionId: $liveSession, entries: $entries",
        ),
        lambda town, _, case: {
            "liveSession": _id(town, PAST, case),
            "entries": [_entry(town, case)],
        },
        changes="registration.marked",
    ),
    Probe(
        "mark_attendance",
        "query ($id: ID!) { liveSession(id: $id) { registrations { totalCount } } }",
        lambda town, _, case: {"id": _id(town, AHEAD, case)},
        shown=lambda found, _: bool(found and found["registrations"]),
    ),
    Probe(
        "self_register_session",
        mutation("selfRegisterSession", "$liveSession: ID!", "liveSessionId: $liveSession"),
        lambda town, _, case: {"liveSession": _id(town, TO_COME, case)},
        cases=BY_ONESELF,
        changes="registration.booked",
    ),
)
