"""Figures by mail: for whoever may see them when it is asked for, and again when it is sent."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest
from sqlalchemy import select

from access.permissions import Permission
from models.journal import JournalEntry
from models.mail import Mail, MailKind
from models.people import MemberState
from operations.insights import mailing
from operations.insights.courses import CourseInsights
from operations.refusals import Code, Denied, Refused
from tests.files import no_longer_coordinates
from tests.furnishing import furnished
from tests.mailing import Outbox, letter_of
from tests.world import MONDAY, World

DASHBOARD: Final = frozenset({Permission.VIEW_COURSE_INSIGHTS, Permission.VIEW_COURSE_INFO})
TOMORROW: Final = MONDAY + dt.timedelta(days=1)

pytestmark = pytest.mark.spec("X2", "M11")


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora and Ines look after Safety, Lea learns; Ada, who coordinates too, has no address."""
    for name in ("Cora", "Ines", "Lea", "Nobody"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"])
    await world.member("Ada")
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora", "Ada"])
    await world.enrol("Safety", "Lea")
    return world


async def ask(world: World, by: str = "Cora", *, at: dt.datetime = MONDAY) -> None:
    await ask_as(world, world.caller(by), at=at)


async def ask_as(world: World, by: object, *, at: dt.datetime = MONDAY) -> None:
    async with world.edge.transaction() as db:
        await mailing.mail_insights(
            db,
            by=by,  # type: ignore[arg-type]
            course_id=world.courses["Safety"],
            at=at,
        )


async def refused(world: World, by: str = "Cora", *, at: dt.datetime = MONDAY) -> Code:
    with pytest.raises(Refused) as found:
        await ask(world, by, at=at)
    return found.value.code


async def figures(world: World) -> list[CourseInsights | None]:
    """What the mails that wait would say now."""
    async with world.edge.read() as db:
        return [
            await mailing.figures_for(db, letter=letter_of(each), at=MONDAY)
            for each in await queued(world)
        ]


async def queued(world: World) -> Sequence[Mail]:
    return await Outbox(world).mails()


async def test_it_waits_for_the_post_without_a_figure_in_it(company: World) -> None:
    await ask(company)

    [row] = await queued(company)
    assert (row.kind, row.recipients) == (MailKind.COURSE_INSIGHTS, ["cora@acme.example"])
    assert row.parameters == {
        "course_id": company.courses["Safety"],
        "name": "Cora",
        "limitedTo": None,
    }
    async with company.edge.read() as db:
        entries = await db.scalars(
            select(JournalEntry).where(JournalEntry.verb == "insights.requested")
        )
        [entry] = entries.all()
    assert entry.course_id == company.courses["Safety"]


async def test_it_says_how_things_are_when_it_is_sent(company: World) -> None:
    await ask(company)
    await company.enrol("Safety", "Nobody")

    [found] = await figures(company)

    assert found is not None
    assert found.figures is not None
    assert (found.title, found.figures.assigned) == ("Safety", 2)


@pytest.mark.spec("C2")
async def test_who_may_not_see_the_figures_cannot_ask(company: World) -> None:
    with pytest.raises(Denied):
        await ask(company, "Lea")
    assert await refused(company, "Nobody") is Code.NOT_FOUND
    assert await refused(company, "Ada") is Code.NO_ADDRESS
    with pytest.raises(Refused) as of_the_system:
        await ask_as(company, company.system)
    assert of_the_system.value.code is Code.BAD_USER_INPUT
    assert await queued(company) == []


async def test_who_loses_the_role_before_it_is_sent_gets_nothing(company: World) -> None:
    await ask(company)

    await no_longer_coordinates(company)

    assert await figures(company) == [None]


async def test_who_is_deactivated_or_has_another_address_gets_nothing(company: World) -> None:
    await ask(company)
    await ask(company, "Ines")

    await company.set_state("Cora", MemberState.DEACTIVATED)
    await company.change("Ines", emails=["ines@elsewhere.example"])

    assert await figures(company) == [None, None]


async def test_a_token_that_shows_no_people_is_mailed_no_few(company: World) -> None:
    await ask_as(company, replace(company.caller("Cora"), limited_to=DASHBOARD))

    [found] = await figures(company)

    assert found is not None
    assert found.is_suppressed


async def test_only_so_many_are_sent_a_day(company: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "MOST_A_DAY", 3)
    for _ in range(3):
        await ask(company)

    with pytest.raises(Refused) as found:
        await ask(company)
    assert (found.value.code, found.value.details) == (
        Code.LIMIT_REACHED,
        {"limit": 3, "actual": 3},
    )
    await ask(company, "Ines")
    await ask(company, at=TOMORROW)
    assert len(await queued(company)) == 5


async def test_many_requests_at_once_are_not_more(
    company: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "MOST_A_DAY", 3)

    outcomes = await asyncio.gather(*(ask(company) for _ in range(6)), return_exceptions=True)

    assert [each for each in outcomes if each is not None and not isinstance(each, Refused)] == []
    assert outcomes.count(None) == len(await queued(company)) == 3
