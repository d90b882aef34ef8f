"""The guard on a small schema: what it refuses, what it says, and what it costs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from operations.edge import Edge
from resolvers.context import Context, NeverAsked, ReadsDoNotNest, opened
from resolvers.declared import any_of
from resolvers.guard import Gate
from tests.resolvers.small_schema import coordinators_of, small_schema
from tests.standing import build, derived, grant, member, role

Sessions = async_sessionmaker[AsyncSession]
Ask = Callable[..., Awaitable[strawberry.types.ExecutionResult]]

SCHEMA = small_schema()
PAGE = "{ courses { title insightCount coordinators { member { name } source } } }"


@pytest.fixture
async def db(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        await build(session)
        await session.commit()
        yield session
        await session.rollback()


@pytest.fixture
def ask(sessions: Sessions, statements: list[str]) -> Ask:
    async def execute(
        document: str, by: Caller | None, **variables: Any
    ) -> strawberry.types.ExecutionResult:
        statements.clear()
        async with opened(Context(by, Edge(sessions))) as context:
            return await SCHEMA.execute(document, variables, context_value=context)

    return execute


def errors(answer: strawberry.types.ExecutionResult) -> list[dict[str, Any]]:
    return [dict(each.extensions or {}, path=each.path) for each in answer.errors or []]


async def test_a_denied_field_is_null_with_one_error_that_says_everything(
    db: AsyncSession, ask: Ask
) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await db.commit()

    answer = await ask("{ courses { title summary } }", member(1))

    assert answer.data == {"courses": [{"title": "Selling", "summary": None}]}
    assert errors(answer) == [
        {
            "code": "PERMISSION_DENIED",
            "coordinate": "CourseOf.summary",
            "requiredAnyOf": [["EDIT_COURSE_INFO"]],
            "scope": "COURSE",
            "held": ["COORDINATOR_DIRECT"],
            "reason": "No role held here allows EDIT_COURSE_INFO.",
            "path": ["courses", 0, "summary"],
        }
    ]


async def test_every_path_is_refused_by_itself_and_the_others_are_answered(
    db: AsyncSession, ask: Ask
) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await role(db, 1, 2, "COORDINATOR")
    await role(db, 1, 3, "INSTRUCTOR")
    await db.commit()

    answer = await ask("{ courses { insightCount } }", member(1))

    counts = [each["insightCount"] for each in (answer.data or {})["courses"]]
    assert counts == [101, None, 103]
    [refused] = errors(answer)
    assert refused["path"] == ["courses", 1, "insightCount"]
    assert refused["reason"] == (
        "VIEW_QUIZ_INSIGHTS is allowed to coordinator_direct only while the course is active."
    )


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("{ everyCourse { title } }", ["everyCourse", 2]),
        ("{ page { rows { title } } }", ["page", "rows", 2]),
        ("{ course(id: 3) { title } }", ["course"]),
        ("{ node(id: 3) { id ... on CourseOf { title } } }", ["node"]),
    ],
)
async def test_the_guard_of_a_type_stands_on_every_path_to_its_objects(
    db: AsyncSession, ask: Ask, document: str, path: list[object]
) -> None:
    await grant(db, 1, "dept_teach", department_id=1)
    await db.commit()

    answer = await ask(document, member(1))

    assert "Law" not in str(answer.data)
    refusals = {tuple(each["path"]): each for each in errors(answer)}
    assert refusals[tuple(path)]["coordinate"] == "CourseOf"
    assert refusals[tuple(path)]["code"] == "PERMISSION_DENIED"


async def test_nothing_of_another_workspace_is_ever_readable(db: AsyncSession, ask: Ask) -> None:
    await grant(db, 1, "workspace_manager")
    await db.commit()

    answer = await ask("{ everyCourse { title } }", member(1))

    titles = [each and each["title"] for each in (answer.data or {})["everyCourse"]]
    assert titles == ["Selling", "Pricing", "Law", None]


async def test_a_stranger_reads_what_is_public_and_is_asked_to_sign_in_for_the_rest(
    db: AsyncSession, ask: Ask, statements: list[str]
) -> None:
    answer = await ask("{ certificate paid courses { title } page { rows { title } } }", None)

    assert answer.data == {"certificate": "valid", "paid": None, "courses": None, "page": None}
    assert [(each["code"], each["coordinate"]) for each in errors(answer)] == [
        ("UNAUTHENTICATED", "Query.paid"),
        ("UNAUTHENTICATED", "Query.courses"),
        ("UNAUTHENTICATED", "Query.page"),
    ]
    assert statements == []


async def test_the_root_is_asked_as_the_workspace(db: AsyncSession, ask: Ask) -> None:
    await grant(db, 1, "finance_manager")
    await db.commit()

    assert (await ask("{ paid }", member(1))).data == {"paid": 42}
    refused = await ask("{ paid }", member(2))
    assert refused.data == {"paid": None}
    assert errors(refused)[0]["held"] == ["LEARNER"]
    assert (await ask("{ paid }", member(90))).data == {"paid": None}


async def test_a_scoped_token_narrows_what_its_person_may_read(db: AsyncSession, ask: Ask) -> None:
    await grant(db, 1, "workspace_manager")
    await db.commit()
    viewer = replace(member(1), limited_to=frozenset({Permission.VIEW_COURSE_INFO}))

    answer = await ask("{ paid courses { title summary } }", viewer)

    assert (answer.data or {})["paid"] is None
    assert {"title": "Law", "summary": None} in (answer.data or {})["courses"]
    assert {each["coordinate"] for each in errors(answer)} == {"Query.paid", "CourseOf.summary"}


async def test_what_is_about_oneself_can_be_read_by_oneself(db: AsyncSession, ask: Ask) -> None:
    answer = await ask("{ members { name email } }", member(2))

    assert answer.data == {
        "members": [
            {"name": "Member 1", "email": None},
            {"name": "Member 2", "email": "m2"},
            {"name": "Member 3", "email": None},
        ]
    }
    assert {each["coordinate"] for each in errors(answer)} == {"Person.email"}


async def test_a_coordinator_reads_the_reason_of_the_own_role_only(
    db: AsyncSession, ask: Ask
) -> None:
    await derived(db, 1, 1)
    await derived(db, 2, 1)
    await db.commit()

    answer = await ask("{ courses { coordinators { member { name } source } } }", member(1))

    assert (answer.data or {})["courses"][0]["coordinators"] == [
        {"member": {"name": "Member 1"}, "source": "valid"},
        {"member": {"name": "Member 2"}, "source": None},
    ]


async def test_an_operation_that_is_denied_says_at_which_field(db: AsyncSession, ask: Ask) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await db.commit()
    change = 'mutation { rename(id: 1, title: "New") { title } }'

    answer = await ask(change, member(1))

    assert answer.data == {"rename": None}
    assert errors(answer) == [
        {
            "code": "PERMISSION_DENIED",
            "coordinate": "Mutation.rename",
            "requiredAnyOf": [["EDIT_COURSE_INFO"]],
            "scope": "COURSE",
            "held": ["COORDINATOR_DIRECT"],
            "reason": "No role held here allows EDIT_COURSE_INFO.",
            "path": ["rename"],
        }
    ]
    assert await db.scalar(text("SELECT title FROM course WHERE id = 1")) == "Selling"
    assert errors(await ask(change, None))[0]["code"] == "UNAUTHENTICATED"


async def test_a_mutation_that_never_asked_for_what_its_field_declares_stores_nothing(
    db: AsyncSession, ask: Ask
) -> None:
    await role(db, 1, 1, "INSTRUCTOR")
    await db.commit()

    answer = await ask("mutation { forgetful(id: 1) { title } }", member(1))

    assert answer.data == {"forgetful": None}
    [error] = answer.errors or []
    assert isinstance(error.original_error, NeverAsked)
    assert await db.scalar(text("SELECT title FROM course WHERE id = 1")) == "Selling"
    assert await db.scalar(text("SELECT count(*) FROM journal_entry")) == 0


async def test_after_a_mutation_everything_is_read_anew(db: AsyncSession, ask: Ask) -> None:
    await role(db, 1, 1, "INSTRUCTOR")
    await db.commit()

    answer = await ask(
        'mutation { a: rename(id: 1, title: "One") { title summary } '
        'b: rename(id: 1, title: "Two") { title summary } }',
        member(1),
    )

    assert answer.errors is None
    assert answer.data == {
        "a": {"title": "One", "summary": ""},
        "b": {"title": "Two", "summary": ""},
    }


async def test_a_stream_asks_again_for_every_event(sessions: Sessions, db: AsyncSession) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await db.commit()
    async with opened(Context(member(1), Edge(sessions))) as context:
        stream: Any = await SCHEMA.subscribe(
            "subscription { changes(id: 1) { title insightCount } }", context_value=context
        )

        first = await anext(stream)
        await db.execute(text("DELETE FROM course_role"))
        await db.commit()
        second = await anext(stream)
        await stream.aclose()

    assert first.data == {"changes": {"title": "Selling", "insightCount": 101}}
    assert second.data == {"changes": None}
    assert errors(second)[0]["coordinate"] == "CourseOf"


async def test_a_stream_does_not_open_for_a_stranger(sessions: Sessions, db: AsyncSession) -> None:
    async with opened(Context(None, Edge(sessions))) as context:
        refused: Any = await SCHEMA.subscribe(
            "subscription { changes(id: 1) { title } }", context_value=context
        )
        answers = (
            [refused] if not hasattr(refused, "__aiter__") else [each async for each in refused]
        )

    assert [errors(each)[0]["code"] for each in answers] == ["UNAUTHENTICATED"]


async def many_courses(db: AsyncSession, courses: int) -> None:
    await db.execute(
        text(
            "INSERT INTO course (id, workspace_id, department_id, title, kind, state)"
            " OVERRIDING SYSTEM VALUE SELECT n, 1, 1, 'Course ' || n, 'SELF_PACED', 'ACTIVE'"
            " FROM generate_series(1001, 1000 + :courses) n"
        ),
        {"courses": courses},
    )
    await db.execute(
        text(
            "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
            " SELECT id, m, 1, 'COORDINATOR' FROM course, generate_series(1, 4) m"
            " WHERE id > 1000"
        )
    )
    await db.commit()


@pytest.mark.parametrize("courses", [1, 50])
async def test_a_page_with_guarded_fields_costs_three_statements_however_long_it_is(
    db: AsyncSession, ask: Ask, statements: list[str], courses: int
) -> None:
    await many_courses(db, courses)

    answer = await ask(PAGE, member(1))

    assert len((answer.data or {})["courses"]) == courses
    assert len(statements) == 3, "the rows, the rights on all of them, the coordinators of all"


@pytest.mark.parametrize("courses", [1, 50])
async def test_a_page_full_of_refusals_costs_no_more(
    db: AsyncSession, ask: Ask, statements: list[str], courses: int
) -> None:
    await many_courses(db, courses)

    answer = await ask("{ everyCourse { title summary insightCount } paid }", member(9))

    assert len(answer.errors or []) == courses + 4 + 1
    assert len(statements) == 2, "the rows, and the rights on the workspace and all of them"


async def test_rows_that_came_unprepared_are_waited_for_in_one_batch(
    db: AsyncSession, ask: Ask, statements: list[str]
) -> None:
    await many_courses(db, 30)
    aliases = " ".join(f"c{id}: course(id: {id}) {{ title summary }}" for id in range(1001, 1031))

    answer = await ask(f"{{ {aliases} }}", member(1))

    assert all(each["title"] for each in (answer.data or {}).values())
    assert len([each for each in statements if "access_grant" in each]) == 1


async def test_the_guard_of_prepared_rows_does_not_wait(
    db: AsyncSession, sessions: Sessions
) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await db.commit()
    gate = Gate("CourseOf", any_of(Permission.VIEW_COURSE_INFO))
    async with opened(Context(member(1), Edge(sessions))) as context:
        async with context.read() as read:
            row = await read.get(Course, 1)
        waiting = gate.ask(row, context)
        assert waiting is not None
        await waiting

        assert gate.ask(row, context) is None


async def test_waiting_for_a_loader_while_reading_is_refused_instead_of_hanging(
    db: AsyncSession, sessions: Sessions
) -> None:
    async with opened(Context(member(1), Edge(sessions))) as context:
        async with context.read():
            with pytest.raises(ReadsDoNotNest, match="Leave `read\\(\\)`"):
                await context.load(coordinators_of, 1)
            with pytest.raises(ReadsDoNotNest):
                async with context.read():
                    pass

        assert await context.load(coordinators_of, 1) == []


async def test_an_interface_is_resolved_to_the_type_that_shows_the_row(
    db: AsyncSession, ask: Ask
) -> None:
    await role(db, 1, 3, "COORDINATOR")
    await db.commit()

    answer = await ask("{ node(id: 3) { __typename id ... on CourseOf { title } } }", member(1))

    assert answer.errors is None
    assert answer.data == {"node": {"__typename": "CourseOf", "id": "3", "title": "Law"}}


async def test_a_statement_that_fails_does_not_spoil_the_rest_of_the_answer(
    db: AsyncSession, sessions: Sessions
) -> None:
    async with opened(Context(member(1), Edge(sessions))) as context:
        with pytest.raises(Exception, match="division by zero"):
            async with context.read() as read:
                await read.execute(text("SELECT 1/0"))

        async with context.read() as read:
            assert await read.scalar(text("SELECT 1")) == 1


async def test_all_reading_of_one_operation_is_of_one_moment(
    db: AsyncSession, sessions: Sessions
) -> None:
    async with opened(Context(member(1), Edge(sessions))) as context:
        async with context.read() as read:
            before = await read.scalar(text("SELECT count(*) FROM course"))
        await many_courses(db, 5)
        async with context.read() as read:
            same = await read.scalar(text("SELECT count(*) FROM course"))
        await context.renew()
        async with context.read() as read:
            after = await read.scalar(text("SELECT count(*) FROM course"))

    assert (before, same, after) == (4, 4, 9)
