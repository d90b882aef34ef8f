"""When the right to listen ends, the last event says so; where the history ends, read anew."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from access.caller import Caller, Origin
from access.permissions import Permission, Principal
from models.coordinators import CourseRoleKind
from models.people import MemberState
from resolvers import announcements
from resolvers.seal import Position, Seal
from tests.resolvers.asking import Ask
from tests.resolvers.following import COORDINATORS, MINE, Ended, Follow
from tests.resolvers.school import assign, detach, edit, override, remove, said, settled
from tests.tampering import unguarded_session
from tests.world import World

Act = Callable[[World], Awaitable[None]]


async def take_back_the_grant(school: World) -> None:
    await school.take("Di", Principal.DEPARTMENT_MANAGER, department="Training")


async def take_the_role_by_hand(school: World) -> None:
    await remove(school, "Ada", CourseRoleKind.COORDINATOR)


async def exclude(school: World) -> None:
    await override(school, "Bo", "exclude", expires_at=None)


async def move_away(school: World) -> None:
    await school.change("Bo", department="Ops")


async def take_the_segment_off(school: World) -> None:
    await detach(school, "Sales")


async def deactivate(school: World) -> None:
    await school.set_state("Ada", MemberState.DEACTIVATED)


@pytest.mark.spec("U3")
@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("Di", take_back_the_grant),
        ("Ada", take_the_role_by_hand),
        ("Bo", exclude),
        ("Bo", move_away),
        ("Bo", take_the_segment_off),
        ("Ada", deactivate),
    ],
)
async def test_the_end_of_the_right_is_the_last_thing_one_hears(
    school: World, ask: Ask, follow: Follow, name: str, act: Act
) -> None:
    await school.grant("Di", Principal.DEPARTMENT_MANAGER, department="Training")
    async with follow(COORDINATORS, by=name, course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await assign(school, "Cy", "coordinators")
        before = await heard.next()
        await act(school)
        await settled(ask)
        await edit(school, title="Secret")
        rest = await heard.rest()
        with pytest.raises(Ended):
            await heard.next()

    assert said([before]) == [("CHANGED", "Cy", True)]
    assert [each["kind"] for each in rest] == ["ROLE_ENDED"]
    assert rest[0]["reason"] == "You may no longer listen to this."
    assert rest[0]["cursor"] == before["cursor"]
    assert follow.bus._tails[school.workspace_id].is_followed is False


async def test_who_regains_the_role_goes_on_where_it_ended(
    school: World, ask: Ask, follow: Follow
) -> None:
    safety = ask.id("Course", "Safety")
    async with follow(COORDINATORS, by="Ada", course=safety) as heard:
        await heard.next()
        await take_the_role_by_hand(school)
        ended = await heard.next()
    await assign(school, "Cy", "coordinators")
    await assign(school, "Ada", "coordinators")

    async with follow(COORDINATORS, by="Ada", course=safety, after=ended["cursor"]) as again:
        events = (await again.take(4))[1:]

    assert said(events) == [
        ("CHANGED", "Ada", True),
        ("CHANGED", "Cy", True),
        ("CHANGED", "Ada", True),
    ]


@pytest.mark.spec("U3")
async def test_a_role_lost_between_two_events_of_one_entry_silences_the_second(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(COORDINATORS, by="Ada", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        for name in ("Cy", "Di"):
            await school.change(name, department="Sales")
        await settled(ask)
        first = await heard.next()
        await take_the_role_by_hand(school)
        await until_known(follow, school)
        rest = await heard.rest()

    assert said([first]) == [("CHANGED", "Cy", True)]
    assert [each["kind"] for each in rest] == ["ROLE_ENDED"]
    assert rest[0]["cursor"] == first["cursor"]


async def until_known(follow: Follow, school: World) -> None:
    """Wait until this process knows everything that is written."""
    _, head = await follow.bus.head(school.workspace_id)
    async with follow.bus.follow(school.workspace_id, after=head - 1) as following:
        await following.next(5.0)


async def test_a_revoked_token_ends_the_stream_at_its_next_sign_of_life(
    school: World, ask: Ask, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "HEARTBEAT_SECONDS", 0.05)
    is_live = True

    async def look() -> bool:
        return is_live

    streams = replace(follow, is_live=look)
    async with streams(MINE, by="Ada") as heard:
        ready, alive = await heard.take(2)
        is_live = False
        rest = await heard.rest()

    assert (ready["kind"], alive["kind"]) == ("READY", "HEARTBEAT")
    assert [each["kind"] for each in rest if each["kind"] != "HEARTBEAT"] == ["ROLE_ENDED"]
    assert rest[-1]["kind"] == "ROLE_ENDED"


async def test_a_token_limited_to_other_things_opens_neither_stream(
    school: World, ask: Ask, follow: Follow
) -> None:
    limited = replace(school.caller("Ada"), limited_to=frozenset({Permission.VIEW_COURSE_INFO}))
    nobody = Caller(school.workspace_id, "Okta", Origin.GRAPHQL, connection_id=1)

    safety = ask.id("Course", "Safety")
    assert await follow.refused(COORDINATORS, by=limited, course=safety) == "PERMISSION_DENIED"
    assert await follow.refused(MINE, by=limited) == "PERMISSION_DENIED"
    assert await follow.refused(MINE, by=nobody) == "BAD_USER_INPUT"


async def test_a_refused_stream_says_where_what_is_needed_what_is_held_and_why(
    school: World, ask: Ask, follow: Follow
) -> None:
    await school.grant("Di", Principal.COURSE_EDIT, course="Safety")
    limited = replace(school.caller("Ada"), limited_to=frozenset({Permission.VIEW_COURSE_INFO}))

    of_course = await follow.refusal(COORDINATORS, by="Di", course=ask.id("Course", "Safety"))
    of_mine = await follow.refusal(MINE, by=limited)

    assert of_course["extensions"] == {
        "code": "PERMISSION_DENIED",
        "coordinate": "Subscription.coordinatorsChanged",
        "requiredAnyOf": [["SUBSCRIBE_COURSE_UPDATES"]],
        "scope": "COURSE",
        "held": ["COURSE_EDIT"],
        "reason": "No role held here allows SUBSCRIBE_COURSE_UPDATES.",
    }
    assert of_mine["extensions"]["coordinate"] == "Subscription.coursesIManageChanged"
    assert of_mine["extensions"]["held"] == ["COORDINATOR_DIRECT", "LEARNER"]
    assert of_mine["extensions"]["reason"] == (
        "The token used is limited to other permissions than LIST_COURSES_I_MANAGE."
    )


async def test_a_heartbeat_carries_the_place_reached_also_where_nothing_concerned_one(
    school: World, ask: Ask, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "HEARTBEAT_SECONDS", 0.2)
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        ready = await heard.next()
        await edit(school, "Welding", title="Welding II")
        await edit(school, "Welding", title="Welding III")
        alive = await heard.next()

    assert alive["kind"] == "HEARTBEAT"
    assert follow.place(alive["cursor"]).seq == follow.place(ready["cursor"]).seq + 2


async def test_a_place_of_another_history_or_none_asks_to_read_anew(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Ada") as heard:
        here = follow.place((await heard.next())["cursor"])
    other = replace(here, epoch=uuid.uuid4())
    beyond = replace(here, seq=here.seq + 1)

    for place in (other, beyond):
        async with follow(MINE, by="Ada", after=ask.seal.position(place)) as heard:
            only = await heard.rest()
        assert [each["kind"] for each in only] == ["RESYNC_REQUIRED"]


async def test_a_history_that_is_gone_asks_to_read_anew(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Ada") as heard:
        here = follow.place((await heard.next())["cursor"])
    async with unguarded_session(school.edge.sessions) as db:
        await db.execute(text("DELETE FROM journal_entry WHERE seq <= 5"))

    at_the_edge, gone = replace(here, seq=5), replace(here, seq=4)
    follow.bus._tails.clear()
    async with follow(MINE, by="Ada", after=ask.seal.position(at_the_edge)) as heard:
        assert (await heard.next())["kind"] == "READY"
    async with follow(MINE, by="Ada", after=ask.seal.position(gone)) as heard:
        events = await heard.rest()

    assert [each["kind"] for each in events] == ["READY", "RESYNC_REQUIRED"]
    assert "kept from entry 6 on" in events[-1]["reason"]


async def test_a_database_restored_under_a_stream_asks_to_read_anew(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Ada") as heard:
        await heard.next()
        async with school.edge.sessions() as db, db.begin():
            await db.execute(text("UPDATE workspace_stream SET epoch = gen_random_uuid()"))
        rest = await heard.rest()

    assert [each["kind"] for each in rest] == ["RESYNC_REQUIRED"]


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-2] + "AA", lambda c: "", lambda c: "%", lambda c: c * 100]
)
async def test_a_cursor_nobody_issued_here_is_bad_input(
    school: World, ask: Ask, follow: Follow, spoil: Callable[[str], str]
) -> None:
    async with follow(MINE, by="Ada") as heard:
        cursor = (await heard.next())["cursor"]
    place = Position(follow.place(cursor).epoch, school.workspace_id, 1)
    forged = Seal(b"another key").position(place)
    safety = ask.id("Course", "Safety")

    assert await follow.refused(MINE, by="Ada", after=spoil(cursor)) == "BAD_USER_INPUT"
    assert await follow.refused(MINE, by="Ada", after=forged) == "BAD_USER_INPUT"
    assert (
        await follow.refused(COORDINATORS, by="Mo", course=safety, last_event_id=forged)
        == "BAD_USER_INPUT"
    )


async def test_a_cursor_of_another_workspace_is_bad_input(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Ada") as heard:
        here = follow.place((await heard.next())["cursor"])
    elsewhere = ask.seal.position(replace(here, workspace_id=school.workspace_id + 1))

    assert await follow.refused(MINE, by="Ada", after=elsewhere) == "BAD_USER_INPUT"


async def test_a_server_that_stops_says_where_to_go_on(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Ada") as heard:
        await heard.next()
        await follow.bus.__aexit__(None, None, None)
        with pytest.raises(Exception, match="Resume after the last cursor") as refused:
            await heard.next()

    assert refused.typename == "RequestRefused"
