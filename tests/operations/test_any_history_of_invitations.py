"""Whatever happens to somebody in whatever order, there is at most one first invitation (C18)."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.people import MemberState
from tests.mailing import Outbox
from tests.operations.inviting import accept
from tests.world import World

_numbers = itertools.count(1)

STEPS = ("give", "take", "address", "no address", "look", "accept", "deactivate", "return")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=14))
async def test_in_any_order_of_events_the_first_effective_moment_invites_once(
    sessions: async_sessionmaker[AsyncSession], steps: list[str]
) -> None:
    outbox = Outbox(await World.new(sessions, f"w-{next(_numbers)}"))
    told = _Told()
    await outbox.world.member("Pea", state=MemberState.PENDING)

    for step in [*steps, "look"]:
        await _take(outbox, told, step)

    assert len(await outbox.mails()) == told.invited
    assert await outbox.notes() == 0


class _Told:
    """The same story, told without a database."""

    state = "PENDING"
    has_account = False
    has_address = False
    holds = False
    invited = 0

    def look(self) -> None:
        is_due = self.state == "PENDING" and self.has_address and self.holds
        self.invited = self.invited or int(is_due)


async def _take(outbox: Outbox, told: _Told, step: str) -> None:
    match step:
        case "give" | "take":
            await _grant(outbox.world, told, step)
        case "address" | "no address":
            told.has_address = step == "address"
            emails = ["pea@acme.example"] if told.has_address else None
            await outbox.world.change("Pea", emails=emails)
        case "look":
            await outbox.look()
            told.look()
        case "accept":
            for code in (await outbox.codes("Pea"))[: told.state == "PENDING"]:
                await accept(outbox, code)
                told.state, told.has_account = "ACTIVE", True
        case _:
            is_back = "ACTIVE" if told.has_account else "PENDING"
            told.state = "DEACTIVATED" if step == "deactivate" else is_back
            await outbox.world.set_state("Pea", MemberState(told.state))


async def _grant(world: World, told: _Told, step: str) -> None:
    if step == "take":
        await world.take("Pea", Principal.FINANCE_MANAGER)
        told.holds = False
    elif told.state != "DEACTIVATED":
        await world.grant("Pea", Principal.FINANCE_MANAGER)
        told.holds = True
