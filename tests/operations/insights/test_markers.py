"""Whatever insights are about leaves a marker for its block when it changes, once a statement, and
nothing else does (X3)."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.furnishing import furnished
from tests.operations.insights.academy import LEARNERS, Academy
from tests.taking import RIGHT
from tests.world import World

pytestmark = pytest.mark.spec("X3")

COURSE, QUIZ, ESSAY = "course", "quiz", "essay"

CHANGES = [
    ("progress", "UPDATE progress SET own_due_at = now()", COURSE),
    ("progress", "UPDATE progress SET attempts_before = attempts", f"{COURSE} {QUIZ} {ESSAY}"),
    (
        "progress",
        "UPDATE progress SET attempts = attempts + 1, attempts_before = attempts_before",
        COURSE,
    ),
    (
        "progress",
        (
            "INSERT INTO progress (course_id, member_id, workspace_id)"
            " SELECT :course, id, workspace_id FROM member WHERE id = :other"
        ),
        COURSE,
    ),
    ("attempt", "UPDATE attempt SET started_at = now()", COURSE),
    (
        "attempt",
        (
            "INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role,"
            " ended_at) SELECT workspace_id, course_id, member_id, 7, 'COMPLETED', 'MANUAL', role,"
            " now() FROM attempt"
        ),
        COURSE,
    ),
    (
        "attempt",
        "UPDATE attempt SET state = 'RESET', ended_at = now()",
        f"{COURSE} {QUIZ} {ESSAY}",
    ),
    (
        "attempt",
        "UPDATE attempt SET state = 'ABANDONED', ended_at = now()",
        f"{COURSE} {QUIZ} {ESSAY}",
    ),
    ("enrolment", "UPDATE enrolment SET ended_at = now() WHERE member_id = :ada", COURSE),
    ("enrolment", "DELETE FROM enrolment WHERE member_id = :ada", COURSE),
    (
        "enrolment",
        (
            "INSERT INTO enrolment (course_id, member_id, workspace_id, source)"
            " SELECT :course, member_id, workspace_id, 'SELF' FROM progress"
        ),
        COURSE,
    ),
    ("certificate", "UPDATE certificate SET expires_at = now()", COURSE),
    (
        "certificate",
        (
            "INSERT INTO certificate (workspace_id, course_id, member_id, attempt_id, serial, code,"
            " state, template_version, printed, ended_at)"
            " SELECT workspace_id, course_id, member_id, id, 99, 'code', 'REVOKED', 0, '{}',"
            " now() FROM attempt"
        ),
        COURSE,
    ),
    ("live_registration", "UPDATE live_registration SET state = 'ATTENDED'", COURSE),
    ("live_registration", "DELETE FROM live_registration", COURSE),
    (
        "live_registration",
        (
            "INSERT INTO live_registration (workspace_id, live_session_id, member_id, state)"
            " SELECT workspace_id, live_session_id, :other, 'BOOKED' FROM live_registration"
        ),
        COURSE,
    ),
    ("submission", "UPDATE submission SET version = version + 1", QUIZ),
    ("submission", "DELETE FROM submission", QUIZ),
    (
        "submission",
        (
            "INSERT INTO submission (workspace_id, course_id, member_id, attempt_id, module_id,"
            " number, state, max_score) SELECT workspace_id, course_id, member_id, attempt_id,"
            " module_id, 2, 'IN_PROGRESS', 10 FROM submission"
        ),
        QUIZ,
    ),
    (
        "member",
        'UPDATE member SET attributes = \'{"department": "Legal"}\' WHERE id = :ada',
        COURSE,
    ),
    ("member", "UPDATE member SET deleted_at = now() WHERE id = :ada", COURSE),
    ("member", "UPDATE member SET display_name = 'Ada L.'", ""),
    ("workspace", "UPDATE workspace SET time_zone = 'Asia/Tokyo'", f"{COURSE} {QUIZ}"),
    ("workspace", "UPDATE workspace SET name = 'Acne'", ""),
]


@pytest.fixture
@furnished
async def academy(world: World) -> Academy:
    """Ada has done everything there is to do, and it is folded."""
    academy = await Academy.open(world)
    await academy.enrol("Ada")
    await academy.hand_in("Ada", RIGHT)
    await academy.complete("Ada")
    await academy.certify("Ada")
    await academy.register("Ada")
    await academy.settle()
    assert await academy.markers() == set()
    return academy


@pytest.mark.parametrize(
    ("change", "about"),
    [pytest.param(change, about, id=f"{table}-{change[:6]}") for table, change, about in CHANGES],
)
async def test_a_change_marks_its_block_of_each_unit_it_is_about(
    academy: Academy, change: str, about: str
) -> None:
    told = {
        "course": academy.course_id,
        "ada": academy.world.members["Ada"],
        "other": academy.world.members["Ada"] + 1,
    }
    async with academy.world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO member (id, workspace_id, user_name, display_name, state)"
                " OVERRIDING SYSTEM VALUE"
                " SELECT id + 1, workspace_id, 'other', 'Other', state FROM member WHERE id = :ada"
            ),
            {"ada": told["ada"]},
        )
        named = {name: value for name, value in told.items() if f":{name}" in change}
        await db.execute(text(change), named)

    modules = {COURSE: 0, QUIZ: academy.units[1].module_id, ESSAY: academy.units[2].module_id}
    units = {(academy.course_id, modules[each]) for each in about.split()}
    blocks = {(*each, academy.block("Ada")) for each in units}
    assert await academy.markers() == blocks
    assert await count(academy) == len(blocks)


async def test_a_statement_about_many_leaves_one_marker_a_block(academy: Academy) -> None:
    async with academy.world.edge.transaction() as db:
        await db.execute(
            text(
                "WITH made AS ("
                " INSERT INTO member (workspace_id, user_name, display_name, state)"
                " SELECT :workspace, 'n' || n, 'N', 'ACTIVE' FROM generate_series(1, 3000) AS n"
                " RETURNING id)"
                " SELECT count(*) FROM made"
            ),
            {"workspace": academy.world.workspace_id},
        )
        await db.execute(
            text(
                "INSERT INTO progress (course_id, member_id, workspace_id, is_learner)"
                " SELECT :course, id, workspace_id, TRUE FROM member WHERE display_name = 'N'"
            ),
            {"course": academy.course_id},
        )

    assert 3 <= await count(academy) <= 4
    found = await academy.read(academy.course)
    assert found["STANDING", "department:", 0, "NOT_STARTED"][0] == 3000


async def test_one_workspace_never_reads_the_cells_of_another(
    academy: Academy, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await Academy.open(await World.new(sessions, "other"))
    for unit in academy.units:
        stranger = unit._replace(workspace_id=other.world.workspace_id)
        assert await other.read(stranger) == {}
    assert await academy.read(academy.course)


async def count(academy: Academy) -> int:
    async with academy.world.edge.read() as db:
        found = await db.scalar(text("SELECT count(*) FROM insight_marker"))
    return int(found or 0)


async def test_insights_are_read_by_one_statement(academy: Academy, statements: list[str]) -> None:
    for name in LEARNERS[1:]:
        await academy.enrol(name)
    for unit in academy.units:
        statements.clear()
        await academy.read(unit)
        assert len([each for each in statements if "SELECT" in each]) == 1
