"""A course with many learners, written as rows: everything figures can hang on, drawn at random."""

import datetime as dt
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from sqlalchemy import insert

from models.catalog import Course
from models.certificates import Certificate, CertificateState
from models.enrolments import Enrolment, EnrolmentSource
from models.groups import LearnerGroup
from models.live_sessions import (
    LiveRegistration,
    LiveSession,
    LiveSessionState,
    RegistrationState,
)
from models.people import Member, MemberState
from models.progress import (
    Attempt,
    AttemptOrigin,
    AttemptState,
    Progress,
    ProgressState,
    RoleAtStart,
)
from tests.world import MONDAY, World

DEPARTMENTS: Final = (None, "Sales", "Support", "Legal", "Årsta | office")
GROUPS: Final = ("Morning", "Evening", "Empty")
OPEN: Final = {AttemptState.NOT_STARTED, AttemptState.IN_PROGRESS, AttemptState.SUBMITTED}
HOUR: Final = dt.timedelta(hours=1)

Rows = list[dict[str, Any]]


def _some_time(random: Random, days: int = 90) -> dt.datetime:
    return MONDAY + dt.timedelta(minutes=random.randrange(days * 24 * 60))


def people(random: Random, workspace_id: int, count: int) -> Rows:
    return [
        {
            "workspace_id": workspace_id,
            "user_name": f"person{number}@acme.example",
            "display_name": f"Person {number}",
            "state": random.choice(list(MemberState)),
            "attributes": _attributes(random.choice(DEPARTMENTS)),
            "deleted_at": MONDAY if random.random() < 0.03 else None,
        }
        for number in range(count)
    ]


def _attributes(department: str | None) -> dict[str, str]:
    return {} if department is None else {"department": department}


def attempts(random: Random) -> Rows:
    """Of one person, in the order of their numbers: the last alone can be open."""
    found: Rows = []
    for number in range(1, random.choice((0, 1, 1, 1, 2, 3)) + 1):
        is_last = random.random() < 0.5
        states = [each for each in AttemptState if is_last or each not in OPEN]
        state = random.choice(states)
        begun = None if state is AttemptState.NOT_STARTED else _some_time(random)
        took = dt.timedelta(seconds=random.randrange(200_000))
        ended = None if state in OPEN else (begun or MONDAY) + took
        found.append(
            {
                "number": number,
                "state": state,
                "origin": random.choice(list(AttemptOrigin)),
                "role": random.choice([RoleAtStart.LEARNER] * 4 + list(RoleAtStart)),
                "started_at": None if random.random() < 0.05 else begun,
                "ended_at": ended,
            }
        )
        if state in OPEN:
            break
    return found


def progress(random: Random, tried: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    state = random.choice(list(ProgressState))
    is_done = state is ProgressState.COMPLETED
    return {
        "is_learner": random.random() < 0.9,
        "attempts": len(tried),
        "attempts_before": random.randrange(len(tried) + 1) if random.random() < 0.2 else 0,
        "state": state,
        "completed_at": _some_time(random) if is_done else None,
        "own_due_at": _some_time(random) if random.random() < 0.5 else None,
        "since": _some_time(random, 30),
    }


def certificates(random: Random, attempt_id: int) -> Rows:
    """One at most is ISSUED."""
    states = [random.choice(list(CertificateState)) for _ in range(random.randrange(3))]
    issued = [each for each in states if each is CertificateState.ISSUED][:1]
    ended = [each for each in states if each is not CertificateState.ISSUED]
    return [
        {
            "attempt_id": attempt_id,
            "state": state,
            "expires_at": _some_time(random) if random.random() < 0.5 else None,
            "ended_at": None if state is CertificateState.ISSUED else MONDAY,
            "template_version": 0,
            "printed": {},
        }
        for state in (*issued, *ended)
    ]


async def fill(world: World, seed: int, *, count: int, course: str = "Safety") -> None:
    """So many people and all they did there; groups and two live sessions exist afterwards."""
    random, course_id = Random(seed), world.courses[course]
    told = {"workspace_id": world.workspace_id, "course_id": course_id}
    async with world.edge.transaction() as db:
        (await db.get_one(Course, course_id)).due_at = random.choice([None, _some_time(random)])
        groups = list(
            await db.scalars(
                insert(LearnerGroup).returning(LearnerGroup.id),
                [told | {"name": name} for name in GROUPS],
            )
        )
        sessions = list(await db.scalars(insert(LiveSession).returning(LiveSession.id), [
            told | {
                "title": "Talk", "starts_at": MONDAY, "ends_at": MONDAY + HOUR, "time_zone": "UTC",
                "state": LiveSessionState.SCHEDULED,
            } for _ in range(2)
        ]))  # fmt: skip
        members = list(
            await db.scalars(
                insert(Member).returning(Member.id), people(random, world.workspace_id, count)
            )
        )
        whose = {id: attempts(random) for id in members}
        await db.execute(
            insert(Progress),
            [told | {"member_id": id} | progress(random, tried) for id, tried in whose.items()],
        )
        rows = [told | {"member_id": id} | row for id, tried in whose.items() for row in tried]
        made = await db.execute(insert(Attempt).returning(Attempt.id, Attempt.member_id), rows)
        last = {row.member_id: row.id for row in made}
        printed = [
            told | {"member_id": id} | row
            for id, attempt_id in last.items()
            for row in certificates(random, attempt_id)
        ]
        numbered = [
            row | {"serial": number, "code": f"code {number}"} for number, row in enumerate(printed)
        ]
        await db.execute(insert(Certificate), numbered)
        await db.execute(insert(Enrolment), _enrolments(random, told, members, groups))
        await db.execute(insert(LiveRegistration), _places(random, told, members, sessions))
    world.groups.update(zip(GROUPS, groups, strict=True))


def _enrolments(
    random: Random, told: Mapping[str, Any], members: Sequence[int], groups: Sequence[int]
) -> Rows:
    """Nobody is in the last group any more."""
    return [
        {
            **told,
            "member_id": id,
            "source": EnrolmentSource.GROUP,
            "group_id": group,
            "ended_at": MONDAY if group == groups[-1] or random.random() < 0.2 else None,
        }
        for id in members
        for group in groups
        if random.random() < 0.4
    ]


def _places(
    random: Random, told: Mapping[str, Any], members: Sequence[int], sessions: Sequence[int]
) -> Rows:
    found: Rows = []
    for place, id in enumerate(members):
        for session in sessions:
            if random.random() < 0.4:
                state = random.choice(list(RegistrationState))
                found.append(
                    {
                        "workspace_id": told["workspace_id"],
                        "live_session_id": session,
                        "member_id": id,
                        "state": state,
                        "place": place if state is RegistrationState.WAITLISTED else None,
                    }
                )
    return found
