"""Adding people: who may, what may be said of them, and what it does to the figures (C16, C18)."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Permission, Principal
from models.people import Member, MemberState
from operations import activity, newcomers, people
from operations.newcomers import Newcomer, Outcome, Preview, Result
from operations.refusals import Code, Denied, Refused
from tests.engine import run_until_idle
from tests.furnishing import furnished
from tests.world import MONDAY, World

ADDED, ALREADY, REFUSED = Outcome.ADDED, Outcome.ALREADY_MEMBER, Outcome.REFUSED


@pytest.fixture
@furnished
async def staffed(world: World) -> World:
    """Mona manages the workspace, Ivo may invite, Lea may nothing."""
    for name in ("Mona", "Ivo", "Lea"):
        await world.member(name, emails=[f"{name.lower()}@mail.example"])
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Ivo", Principal.INVITE)
    return world


async def add(
    world: World, by: str | Caller, *who: Newcomer, dry_run: bool = False
) -> Sequence[Result]:
    caller = world.caller(by) if isinstance(by, str) else by
    async with world.edge.transaction() as db:
        return await newcomers.add(db, by=caller, newcomers=who, dry_run=dry_run)


async def preview(world: World, by: str, at: dt.datetime = MONDAY, **said: Any) -> Preview:
    async with world.edge.read() as db:
        return await newcomers.preview(db, by=world.caller(by), at=at, **said)


async def found(world: World, member_id: int | None) -> Member:
    async with world.edge.read() as db:
        return await db.get_one(Member, member_id)


async def scalar(world: World, statement: str) -> Any:
    async with world.edge.read() as db:
        return await db.scalar(text(statement))


def refusals(results: Sequence[Result]) -> list[tuple[int, Code, Any]]:
    return [
        (each.index, each.refusal.code, each.refusal.details.get("field"))
        for each in results
        if each.refusal is not None
    ]


async def test_c16_people_who_may_invite_add_several_in_one_call_with_a_result_each(
    staffed: World,
) -> None:
    results = await add(
        staffed,
        "Ivo",
        Newcomer("nina@mail.example", given_name="Nina", family_name="Ng"),
        Newcomer("LEA@mail.example"),
        Newcomer("not an address"),
        Newcomer("omar@mail.example", user_name="Omar@Mail.Example", display_name="Omar"),
    )

    assert [each.outcome for each in results] == [ADDED, ALREADY, REFUSED, ADDED]
    assert results[1].member_id == staffed.members["Lea"]
    assert refusals(results) == [(2, Code.BAD_USER_INPUT, "email")]
    nina = await found(staffed, results[0].member_id)
    assert (nina.state, nina.user_name, nina.email, nina.display_name) == (
        MemberState.PENDING,
        "nina@mail.example",
        "nina@mail.example",
        "Nina Ng",
    )
    assert (await staffed.verbs())[-2:] == ["member.added", "member.added"]


@pytest.mark.parametrize(
    "principal",
    [Principal.FINANCE_MANAGER, Principal.DEPARTMENT_MANAGER, None],
)
async def test_c16_nobody_else_adds_people_department_managers_included(
    staffed: World, principal: Principal | None
) -> None:
    on = {"department": "Sales"} if principal is Principal.DEPARTMENT_MANAGER else {}
    if principal is not None:
        await staffed.grant("Lea", principal, **on)
    before = await staffed.verbs()

    for asked in (
        add(staffed, "Lea", Newcomer("nina@mail.example")),
        add(staffed, "Lea", Newcomer("nina@mail.example"), dry_run=True),
        preview(staffed, "Lea", count=1),
    ):
        with pytest.raises(Denied) as denied:
            await asked
        assert denied.value.permission is Permission.ADD_MEMBER

    assert await staffed.verbs() == before
    assert await scalar(staffed, "SELECT count(*) FROM member") == 3


async def test_c18_adding_somebody_invites_nobody(staffed: World) -> None:
    await add(staffed, "Ivo", Newcomer("nina@mail.example"))
    await add(staffed, "Mona", Newcomer("omar@mail.example", attributes={"department": "Sales"}))

    for table in ("invitation", "invitation_due", "mail", "access_grant WHERE member_id > 3"):
        expected = 0
        assert await scalar(staffed, f"SELECT count(*) FROM {table}") == expected, table


async def test_c16_a_dry_run_and_a_preview_say_what_would_be_and_store_nothing(
    staffed: World,
) -> None:
    who = (Newcomer("nina@mail.example"), Newcomer("lea@mail.example"), Newcomer("broken@"))
    before = await staffed.verbs()

    dry = await add(staffed, "Ivo", *who, dry_run=True)
    seen = await preview(staffed, "Ivo", newcomers=who)

    assert [each.outcome for each in dry] == [ADDED, ALREADY, REFUSED]
    assert dry[0].member_id is None
    assert seen.members_after - seen.members_now == 1
    assert await staffed.verbs() == before
    assert await scalar(staffed, "SELECT count(*) FROM member") == 3
    assert await scalar(staffed, "SELECT count(*) FROM dirty_member WHERE member_id > 3") == 0

    real = await add(staffed, "Ivo", *who)
    assert [each.outcome for each in real] == [each.outcome for each in dry]


@pytest.mark.parametrize(
    "newcomer",
    [
        Newcomer("nina@mail.example", attributes={"department": "Sales"}),
        Newcomer("nina@mail.example", attributes={"skills": ["Sales"]}),
        Newcomer("nina@mail.example", attributes={"nosuch": 1}),
        Newcomer("nina@mail.example", user_name="boss@northwind.example"),
        Newcomer(user_name="nina@mail.example"),
    ],
)
async def test_c16_who_may_only_invite_says_nothing_that_could_decide_a_role(
    staffed: World, newcomer: Newcomer
) -> None:
    with pytest.raises(Denied) as denied:
        await add(staffed, "Ivo", Newcomer("omar@mail.example"), newcomer)

    assert denied.value.permission is Permission.EDIT_ATTRIBUTE_SCHEMA
    assert await scalar(staffed, "SELECT count(*) FROM member") == 3


async def test_c16_a_limited_token_of_a_manager_only_invites_too(staffed: World) -> None:
    only = replace(staffed.caller("Mona"), limited_to=frozenset({Permission.ADD_MEMBER}))

    with pytest.raises(Denied) as denied:
        await add(staffed, only, Newcomer("n@mail.example", attributes={"department": "Sales"}))
    results = await add(staffed, only, Newcomer("n@mail.example"))

    assert denied.value.permission is Permission.EDIT_ATTRIBUTE_SCHEMA
    assert results[0].outcome is ADDED


async def test_c16_names_that_inviters_choose_are_nothing_that_rules_see(
    staffed: World, sync_database: Engine
) -> None:
    await staffed.segment("Managers", 'displayName co "Manager" or givenName pr or familyName pr')
    await staffed.course("Safety", segments_attached=["Managers"])

    results = await add(
        staffed,
        "Ivo",
        Newcomer("m@mail.example", None, "Manager of Sales", "Manager", "Manager"),
    )
    run_until_idle(sync_database)

    mallory = await found(staffed, results[0].member_id)
    assert mallory.display_name == "Manager of Sales"
    assert mallory.attributes == {"userName": "m@mail.example", "emails": ["m@mail.example"]}
    assert await scalar(staffed, "SELECT count(*) FROM membership WHERE until IS NULL") == 0


async def test_c16_an_address_that_a_rule_wants_gives_nothing_before_it_is_proven(
    staffed: World, sync_database: Engine
) -> None:
    """Ivo adds an address of Northwind's. It matches; but nobody holds a role through it until
    whoever reads that mailbox, or Northwind's identity provider, has made the account."""
    await staffed.segment(
        "Northwind",
        'emails has "boss@northwind.example"',
    )
    await staffed.segment("Names", 'userName ew "@northwind.example"')
    await staffed.course("Safety", segments_attached=["Northwind", "Names"])

    [added] = await add(staffed, "Ivo", Newcomer("boss@northwind.example"))
    run_until_idle(sync_database)
    waiting = await scalar(staffed, "SELECT count(*) FROM coordinator_source")
    effective = await scalar(staffed, "SELECT count(*) FROM course_coordinator")
    async with staffed.edge.transaction() as db:
        [member] = await people.lock(db, staffed.workspace_id, [added.member_id or 0])
        await people.set_state(
            db, by=staffed.system, member=member, state=MemberState.ACTIVE, at=MONDAY
        )

    assert (waiting, effective) == (2, 0)
    assert await scalar(staffed, "SELECT count(*) FROM course_coordinator") == 1


async def test_c16_managers_describe_whom_they_add_and_rules_see_it(staffed: World) -> None:
    [added] = await add(
        staffed,
        "Mona",
        Newcomer(
            "nina@mail.example",
            "nina",
            "Nina",
            attributes={"department": " SALES ", "hireDate": "2026-01-02", "level": 3},
        ),
    )

    nina = await found(staffed, added.member_id)
    assert nina.user_name == "nina"
    assert nina.facts["department"] == "sales"
    assert nina.facts["displayName"] == "nina"
    assert str(await scalar(staffed, "SELECT on_date FROM member_moment")) == "2026-01-02"
    assert (
        await scalar(staffed, f"SELECT count(*) FROM dirty_member WHERE member_id = {nina.id}") == 1
    )


@pytest.mark.parametrize(
    ("newcomer", "code", "about"),
    [
        (Newcomer(), Code.BAD_USER_INPUT, "email"),
        (Newcomer("  "), Code.BAD_USER_INPUT, "email"),
        (Newcomer("nina"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("nina@"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("nina@localhost"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a@mail.example, b@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a@mail.example\r\nBcc: b@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a@mail.example\n"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("Ann <a@mail.example>"), Code.BAD_USER_INPUT, "email"),
        (Newcomer('"a b"@mail.example'), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a@b@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a\x00@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a\u202e@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("\ud800@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("x" * 65 + "@mail.example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a@" + "x" * 250 + ".example"), Code.BAD_USER_INPUT, "email"),
        (Newcomer("a@mail.example", "x" * 201), Code.BAD_USER_INPUT, "userName"),
        (Newcomer("a@mail.example", "a\x00"), Code.BAD_USER_INPUT, "userName"),
        (Newcomer("a@mail.example", None, "x" * 300), Code.BAD_USER_INPUT, "displayName"),
        (Newcomer("a@mail.example", None, None, "a\nb"), Code.BAD_USER_INPUT, "givenName"),
        (
            Newcomer("a@mail.example", None, None, "x" * 150, "y" * 150),
            Code.BAD_USER_INPUT,
            "displayName",
        ),
        (
            Newcomer("a@mail.example", attributes={"shoeSize": 1}),
            Code.UNKNOWN_ATTRIBUTE,
            "attributes",
        ),
        (Newcomer("a@mail.example", attributes={"nickname": "A"}), Code.WRONG_OWNER, "attributes"),
        (Newcomer("a@mail.example", attributes={"groups": ["A"]}), Code.WRONG_OWNER, "attributes"),
        (
            Newcomer("a@mail.example", attributes={"emails": ["b@mail.example"]}),
            Code.BAD_USER_INPUT,
            "attributes",
        ),
        (
            Newcomer("a@mail.example", attributes={"department": "a\x00b"}),
            Code.BAD_USER_INPUT,
            "attributes",
        ),
        (
            Newcomer("a@mail.example", attributes={"department": {"of": 1}}),
            Code.BAD_USER_INPUT,
            "attributes",
        ),
    ],
)
async def test_c16_what_cannot_be_stored_of_a_person_is_refused_for_that_person_alone(
    staffed: World, newcomer: Newcomer, code: Code, about: str
) -> None:
    results = await add(staffed, "Mona", newcomer, Newcomer("good@mail.example"))

    assert refusals(results) == [(0, code, about)]
    assert results[1].outcome is ADDED


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" Zoë.O'Neil+x@Mail.Example ", "Zoë.O'Neil+x@Mail.Example"),
        ("用户@例子.中国", "用户@例子.中国"),
        ("a_b@xn--bcher-kva.example", "a_b@xn--bcher-kva.example"),
    ],
)
async def test_c16_addresses_are_kept_as_they_came(staffed: World, said: str, kept: str) -> None:
    [added] = await add(staffed, "Ivo", Newcomer(said))

    assert (await found(staffed, added.member_id)).email == kept


async def test_c16_the_same_address_twice_in_a_call_is_one_person(staffed: World) -> None:
    results = await add(
        staffed,
        "Ivo",
        Newcomer("nina@mail.example"),
        Newcomer("NINA@Mail.Example"),
        Newcomer("nina@mail.example"),
    )

    assert refusals(results) == [(1, Code.NAME_TAKEN, "email"), (2, Code.NAME_TAKEN, "email")]
    assert [each.refusal.details["sameAs"] for each in results if each.refusal] == [0, 0]
    assert await scalar(staffed, "SELECT count(*) FROM member WHERE state = 'PENDING'") == 1


async def test_c16_whoever_is_there_already_is_named_in_any_case_by_name_or_address(
    staffed: World,
) -> None:
    results = await add(
        staffed,
        "Mona",
        Newcomer(user_name="LEA@acme.example"),
        Newcomer("Mona@Mail.example"),
        Newcomer("ivo@mail.example", user_name="ivo@ACME.example"),
    )

    assert [each.outcome for each in results] == [ALREADY] * 3
    assert [each.member_id for each in results] == [
        staffed.members[name] for name in ("Lea", "Mona", "Ivo")
    ]


async def test_c16_one_member_s_user_name_with_another_s_address_is_refused(
    staffed: World,
) -> None:
    results = await add(
        staffed, "Mona", Newcomer("mona@mail.example", user_name="lea@acme.example")
    )

    assert refusals(results) == [(0, Code.CONFLICT, "email")]


async def test_c16_501_people_are_too_many_and_500_cost_as_many_statements_as_1(
    staffed: World, statements: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        await add(staffed, "Ivo", *(Newcomer(f"p{n}@mail.example") for n in range(501)))
    statements.clear()
    await add(staffed, "Ivo", Newcomer("first@mail.example"))
    few = len(statements)
    statements.clear()
    results = await add(staffed, "Ivo", *(Newcomer(f"p{n}@mail.example") for n in range(500)))
    many = len(statements)

    assert refused.value.code is Code.LIMIT_REACHED
    assert refused.value.details == {"limit": 500, "count": 501}
    assert {each.outcome for each in results} == {ADDED}
    assert [each.index for each in results] == list(range(500))
    assert (await found(staffed, results[499].member_id)).email == "p499@mail.example"
    assert few == many


async def test_c16_two_who_add_the_same_people_at_once_add_each_of_them_once(
    staffed: World,
) -> None:
    who = [Newcomer(f"p{n}@mail.example") for n in range(20)]

    both = await asyncio.gather(
        add(staffed, "Ivo", *who), add(staffed, "Mona", *reversed(who)), return_exceptions=False
    )

    outcomes = [each.outcome for results in both for each in results]
    assert outcomes.count(ADDED) == 20
    assert await scalar(staffed, "SELECT count(*) FROM member WHERE state = 'PENDING'") == 20


async def test_c16_the_preview_counts_members_and_who_may_become_active(staffed: World) -> None:
    """Five people: three ACTIVE, one PENDING, one who signed in and was deactivated since."""
    await staffed.member("Pia", state=MemberState.PENDING)
    await staffed.member("Dan")
    await staffed.member("Old", state=MemberState.DEACTIVATED)
    async with staffed.edge.transaction() as db:
        for name in ("Dan", "Ivo"):
            await activity.note(
                db,
                workspace_id=staffed.workspace_id,
                member_id=staffed.members[name],
                at=MONDAY,
            )
    await staffed.set_state("Dan", MemberState.DEACTIVATED)

    assert await preview(staffed, "Ivo", count=40) == Preview(
        members_now=6,
        members_after=46,
        active_this_month=2,
        possibly_active_now=5,
        possibly_active_after=45,
    )
    nobody = await preview(staffed, "Mona", newcomers=[])
    assert nobody.members_after == nobody.members_now


@pytest.mark.parametrize(
    "said", [{}, {"count": 1, "newcomers": []}, {"count": -1}, {"count": 1_000_001}]
)
async def test_c16_a_preview_of_nothing_or_of_nonsense_is_refused(
    staffed: World, said: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        await preview(staffed, "Ivo", **said)

    assert refused.value.code is Code.BAD_USER_INPUT


async def test_c16_people_of_another_tenant_are_strangers_here(
    staffed: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    await other.member("Eve", emails=["eve@mail.example"])

    [added] = await add(staffed, "Ivo", Newcomer("eve@mail.example"))

    assert added.outcome is ADDED
    assert (await found(staffed, added.member_id)).workspace_id == staffed.workspace_id
    assert (await preview(staffed, "Ivo", count=0)).members_now == 4


async def test_c16_mail_goes_to_no_address_a_header_could_be_made_of(staffed: World) -> None:
    """Providers say what they like; the address is the first that is one."""
    bad = "a@mail.example\r\nBcc: b@mail.example"
    await staffed.member("Pat", emails=[bad, 7, "pat@mail.example"])
    await staffed.member("Sam", emails=[bad])

    pat = await found(staffed, staffed.members["Pat"])
    sam = await found(staffed, staffed.members["Sam"])

    assert (pat.email, sam.email) == ("pat@mail.example", None)
