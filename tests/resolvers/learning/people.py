"""People on courses for tests that list them, written as if they had come to stand there."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import text

from access.caller import Caller
from operations.learning import enrolments, groups
from resolvers.ids import encode
from tests.world import MONDAY, World

STAND: Final = """
UPDATE progress SET {changes} WHERE course_id = :course_id AND member_id = :member_id
"""

ATTEMPT: Final = """
INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role, ended_at)
SELECT workspace_id, course_id, member_id, attempts, CAST(:state AS text), 'SELF', 'LEARNER',
       CASE WHEN CAST(:state AS text) IN ('COMPLETED', 'FAILED') THEN now() END
  FROM progress WHERE course_id = :course_id AND member_id = :member_id
RETURNING id
"""

CERTIFICATE: Final = """
INSERT INTO certificate (workspace_id, course_id, member_id, attempt_id, serial, code, state,
                         template_version, printed, expires_at, ended_at)
SELECT p.workspace_id, p.course_id, p.member_id, a.id, 1000000 + a.id, 'code ' || a.id,
       CAST(:state AS text), 0, jsonb_build_object('serial', 'ACME-' || a.id),
       CAST(:expires_at AS timestamptz), CASE WHEN CAST(:state AS text) <> 'ISSUED' THEN now() END
  FROM progress p JOIN attempt a USING (course_id, member_id)
 WHERE p.course_id = :course_id AND p.member_id = :member_id
"""


async def learn(world: World, course: str, *names: str) -> None:
    """Assign people by hand."""
    await world.enrol(course, *names)


async def stand(world: World, course: str, name: str, **columns: Any) -> None:
    """Where somebody stands on a course, as columns of progress."""
    changes = ", ".join(f"{column} = :{column}" for column in columns)
    async with world.edge.transaction() as db:
        await db.execute(text(STAND.format(changes=changes)), whom(world, course, name) | columns)


async def attempt(world: World, course: str, name: str, state: str) -> None:
    """One attempt more, in this state, and progress as it follows."""
    await stand(world, course, name, state=state)
    async with world.edge.transaction() as db:
        told = whom(world, course, name)
        await db.execute(text(STAND.format(changes="attempts = attempts + 1")), told)
        await db.execute(text(ATTEMPT), told | {"state": state})


async def certify(
    world: World,
    course: str,
    name: str,
    state: str = "ISSUED",
    expires_at: dt.datetime | None = None,
) -> None:
    """A certificate of the attempt there is."""
    async with world.edge.transaction() as db:
        told = whom(world, course, name) | {"state": state, "expires_at": expires_at}
        await db.execute(text(CERTIFICATE), told)


async def group(
    world: World,
    course: str,
    name: str,
    *learners: str,
    by: Caller | None = None,
    due_at: dt.datetime | None = None,
) -> str:
    """A group with these learners, made by somebody; its global id."""
    async with world.edge.transaction() as db:
        made = await groups.create(
            db,
            by=by or world.system,
            course_id=world.courses[course],
            name=name,
            due_at=due_at,
            at=MONDAY,
        )
        if learners:
            await enrolments.assign(
                db,
                by=by or world.system,
                course_id=world.courses[course],
                member_ids=[world.members[each] for each in learners],
                group_id=made.id,
                at=MONDAY,
            )
    return encode("LearnerGroup", made.id)


def whom(world: World, course: str, name: str) -> dict[str, Any]:
    return {"course_id": world.courses[course], "member_id": world.members[name]}
