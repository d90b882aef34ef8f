"""Whatever happens to certificates in whatever order: one holds, numbers have no gap, nothing goes.

A naive story of lists is told along with the database.
"""

import datetime as dt
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations.certificates import reading
from operations.refusals import Code, Refused
from tests.certifying import School
from tests.sampling import examples
from tests.world import MONDAY, World

_numbers = itertools.count(1)

DAY = dt.timedelta(days=1)
VALID_DAYS = 1
PEOPLE = ("Lea", "Kim")
VERBS = ("complete", "generate", "remove", "reset", "reset and remove")
STEPS = st.one_of(
    st.tuples(st.sampled_from(VERBS), st.sampled_from(PEOPLE)),
    st.tuples(
        st.sampled_from(("days pass", "write down what expired", "certify", "do not")), st.none()
    ),
)


@dataclass
class Told:
    """One certificate in the story: whose, its state in words, and when it would expire."""

    whose: str
    state: str
    expires_at: dt.datetime


@dataclass
class Story:
    """The same, told without a database."""

    now: dt.datetime = MONDAY
    certifies: bool = False
    certificates: list[Told] = field(default_factory=list)
    completions: dict[str, int] = field(default_factory=dict)
    certified: dict[str, set[int]] = field(default_factory=lambda: {each: set() for each in PEOPLE})
    completed: set[str] = field(default_factory=set)

    def seen(self, each: Told) -> str:
        if each.state == "ISSUED" and each.expires_at <= self.now:
            return "EXPIRED"
        return each.state

    def holding(self, name: str) -> Told | None:
        theirs = [each for each in self.certificates if each.whose == name]
        return next((each for each in theirs if self.seen(each) == "ISSUED"), None)

    def issue(self, name: str) -> None:
        for each in self.certificates:
            if each.whose == name:
                each.state = self.seen(each)
        if (former := self.holding(name)) is not None:
            former.state = "SUPERSEDED"
        # The zone of the school is an hour ahead: its day ends at 23:00 UTC.
        last = (self.now + dt.timedelta(hours=1)).date() + VALID_DAYS * DAY
        end = dt.datetime.combine(last + DAY, dt.time(), dt.UTC) - dt.timedelta(hours=1)
        self.certificates.append(Told(name, "ISSUED", end))
        self.certified[name].add(self.completions[name])

    def complete(self, name: str) -> None:
        if name in self.completed:
            return
        self.completed.add(name)
        self.completions[name] = self.completions.get(name, 0) + 1
        if self.certifies:
            self.issue(name)

    def revoke(self, name: str) -> None:
        if (held := self.holding(name)) is not None:
            held.state = "REVOKED"


@pytest.mark.spec("H4", "M6", "M7")
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, max_size=14))
async def test_in_any_order_one_holds_numbers_have_no_gap_and_nothing_goes(
    sessions: async_sessionmaker[AsyncSession], steps: list[tuple[str, str | None]]
) -> None:
    school = await School.open(await World.new(sessions, f"w-{next(_numbers)}"))
    await school.set(certificate_days=VALID_DAYS)
    story, ids = Story(), list[int]()

    for step, name in steps:
        await take(school, story, step, name or "")
        rows = await school.certificates()

        assert [each.serial for each in rows] == list(range(1, len(rows) + 1))
        assert [each.id for each in rows][: len(ids)] == ids
        ids = [each.id for each in rows]
        names = {id: name for name, id in school.world.members.items()}
        found = [(names[each.member_id], reading.state_at(each, story.now).value) for each in rows]
        assert found == [(each.whose, story.seen(each)) for each in story.certificates]
        for person in PEOPLE:
            assert found.count((person, "ISSUED")) <= 1


async def take(school: School, story: Story, step: str, name: str) -> None:
    match step:
        case "days pass":
            story.now += 2 * DAY
        case "write down what expired":
            await school.expire(story.now)
        case "certify" | "do not":
            story.certifies = step == "certify"
            await school.set(certifies_completion=story.certifies)
        case "complete":
            await school.complete(name, at=story.now)
            story.complete(name)
        case "generate":
            await generate(school, story, name)
        case "remove":
            await remove(school, story, name)
        case _:
            await school.reset(name, removing=step == "reset and remove", at=story.now)
            if step == "reset and remove" and name in story.completed:
                story.revoke(name)
            story.completed.discard(name)


async def generate(school: School, story: Story, name: str) -> None:
    if name in story.completed:
        await school.generate(name, at=story.now)
        story.issue(name)
        return
    with pytest.raises(Refused) as refused:
        await school.generate(name, at=story.now)
    assert refused.value.code is Code.NOT_COMPLETED


async def remove(school: School, story: Story, name: str) -> None:
    theirs = await school.certificates(name)
    if not theirs:
        return
    if story.holding(name) is not None:
        await school.remove(theirs[-1], at=story.now)
        story.revoke(name)
        return
    with pytest.raises(Refused) as refused:
        await school.remove(theirs[-1], at=story.now)
    assert refused.value.code is Code.CERTIFICATE_ENDED
