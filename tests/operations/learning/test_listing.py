"""The list of the people on a course, against a list that is narrowed and sorted by hand."""

import datetime as dt
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, system
from models.enrolments import EnrolmentSource
from models.people import MemberState
from models.progress import ProgressState
from operations.learning import listing
from operations.learning.listing import Cut, Learner, Owner, Shown
from operations.learning.listing_narrowing import (
    NOTHING_LEFT_TO_DO,
    CertificateStanding,
    LearnerKind,
    Narrowing,
)
from operations.learning.listing_orders import WAY, LearnerOrder, Order
from tests.standing import build, grant, member

NOW: Final = dt.datetime.now(dt.UTC).replace(microsecond=123_457)
COURSE_DUE: Final = NOW + dt.timedelta(days=3)
MOMENTS: Final = (None, *(NOW + dt.timedelta(days=each) for each in (-9, -1, 2, 5)))
NAMES: Final = ("Åsa", "ada", "Ada", "Bo 100%", "bo_2", "Cy/", "Öz")
STARTED: Final = ("IN_PROGRESS", "SUBMITTED")
LATE, EARLY = dt.datetime.max.replace(tzinfo=dt.UTC), dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass
class Somebody:
    """What the model knows of one person on course 1."""

    id: int
    name: str
    email: str | None
    account: MemberState
    is_deleted: bool
    kind: LearnerKind
    state: ProgressState
    percent: Decimal | None
    own_due_at: dt.datetime | None
    last_activity_at: dt.datetime | None
    since: dt.datetime
    sources: set[EnrolmentSource] = field(default_factory=set)
    certificate: CertificateStanding = CertificateStanding.NONE

    @property
    def due_at(self) -> dt.datetime:
        return self.own_due_at or COURSE_DUE

    @property
    def is_overdue(self) -> bool:
        return self.due_at < NOW and self.state not in NOTHING_LEFT_TO_DO


KEYS: Final[dict[LearnerOrder, Any]] = {
    LearnerOrder.DUE_AT: lambda each: each.due_at,
    LearnerOrder.PROGRESS: lambda each: -1 if each.percent is None else each.percent,
    LearnerOrder.LAST_ACTIVITY: lambda each: each.last_activity_at or EARLY,
    LearnerOrder.STATE: lambda each: WAY.index(each.state),
    LearnerOrder.SINCE: lambda each: each.since,
}


def somebody(id: int, chance: random.Random) -> Somebody:
    kind = chance.choice([LearnerKind.LEARNER] * 4 + [LearnerKind.STAFF, LearnerKind.FORMER])
    some = chance.sample([EnrolmentSource.DIRECT, EnrolmentSource.SELF], chance.choice([1, 2]))
    return Somebody(
        id=id,
        name=chance.choice(NAMES),
        email=chance.choice([None, f"{id}@Mail.example"]),
        account=chance.choice([MemberState.ACTIVE] * 4 + [MemberState.DEACTIVATED]),
        is_deleted=chance.random() < 0.05,
        kind=kind,
        state=chance.choice(list(ProgressState)),
        percent=chance.choice([None, Decimal(0), Decimal("33.33"), Decimal(100)]),
        own_due_at=chance.choice(MOMENTS),
        last_activity_at=chance.choice(MOMENTS),
        since=NOW - dt.timedelta(days=chance.choice([1, 1, 2, 3])),
        sources=set(some) if kind is LearnerKind.LEARNER else set(),
        certificate=chance.choice(list(CertificateStanding)),
    )


CERTIFICATES: Final[dict[CertificateStanding, list[str]]] = {
    CertificateStanding.NONE: [],
    CertificateStanding.ISSUED: ["SUPERSEDED", "ISSUED"],
    CertificateStanding.EXPIRED: ["REVOKED", "ISSUED"],
    CertificateStanding.REVOKED: ["SUPERSEDED", "REVOKED"],
}
"""What is stored: an expired one says so only when the worker comes by."""

PERSON: Final = """
INSERT INTO member (id, workspace_id, user_name, display_name, email, state, deleted_at)
       OVERRIDING SYSTEM VALUE
VALUES (:id, 1, :user_name, :name, :email, :account, CASE WHEN :is_deleted THEN now() END);
INSERT INTO progress (course_id, member_id, workspace_id, is_learner, state, percent,
                      own_due_at, last_activity_at, since, attempts)
VALUES (1, :id, 1, :learns, :state, :percent, :own_due_at, :last_activity_at, :since, 1);
INSERT INTO enrolment (course_id, member_id, workspace_id, source, ended_at)
SELECT 1, :id, 1, s.name, e.at
  FROM unnest(CAST(:sources AS text[])) AS s(name) CROSS JOIN (VALUES (NULL), (now())) AS e(at);
INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role, ended_at)
SELECT 1, 1, p.member_id, 1, p.state, 'SELF', 'LEARNER',
       CASE WHEN p.state IN ('COMPLETED', 'FAILED') THEN now() END
  FROM progress p WHERE p.member_id = :id;
INSERT INTO certificate (workspace_id, course_id, member_id, attempt_id, serial, code, state,
                         template_version, printed, expires_at, ended_at)
SELECT 1, 1, a.member_id, a.id, 2 * a.member_id + c.n, concat('code ', a.member_id, '.', c.n),
       c.state, 0, '{}', CAST(:expires_at AS timestamptz),
       CASE WHEN c.state <> 'ISSUED' THEN now() END
  FROM attempt a
 CROSS JOIN unnest(CAST(:certificates AS text[])) WITH ORDINALITY AS c(state, n)
 WHERE a.member_id = :id ORDER BY c.n
"""


async def store(db: AsyncSession, person: Somebody, chance: random.Random) -> None:
    is_over = person.certificate is CertificateStanding.EXPIRED
    told = {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "account": person.account,
        "is_deleted": person.is_deleted,
        "learns": person.kind is LearnerKind.LEARNER,
        "state": person.state,
        "percent": person.percent,
        "own_due_at": person.own_due_at,
        "last_activity_at": person.last_activity_at,
        "since": person.since,
        "sources": sorted(person.sources),
        "user_name": f"p{person.id}",
        "certificates": CERTIFICATES[person.certificate],
        "expires_at": NOW - dt.timedelta(days=1) if is_over else None,
    }
    for statement in PERSON.split(";\n"):
        named = {name: value for name, value in told.items() if f":{name}" in statement}
        await db.execute(text(statement), named)
    if person.kind is LearnerKind.STAFF or (
        person.kind is LearnerKind.LEARNER and chance.random() < 0.2
    ):
        await db.execute(
            text(
                "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
                " VALUES (1, :id, 1, :role)"
            ),
            {"id": person.id, "role": chance.choice(["INSTRUCTOR", "COORDINATOR"])},
        )


class Everybody:
    """The people of course 1, as the model has them."""

    def __init__(self, db: AsyncSession, people: list[Somebody], names: list[int]) -> None:
        self.db = db
        self._people = people
        self._names = names

    def expected(self, to: Narrowing, order: Order) -> list[int]:
        left = [each for each in self._people if not each.is_deleted and fits(each, to)]
        if order.by is LearnerOrder.NAME:
            left.sort(key=lambda each: self._names.index(each.id), reverse=order.is_descending)
        else:
            key = KEYS[order.by]
            left.sort(key=lambda each: (key(each), each.id), reverse=order.is_descending)
        return [each.id for each in left]

    def tally(self, to: Narrowing) -> Counter[tuple[ProgressState, bool]]:
        left = (each for each in self._people if not each.is_deleted and fits(each, to))
        return Counter((each.state, each.is_overdue) for each in left)

    async def listed(self, to: Narrowing, order: Order, size: int) -> list[int]:
        """Page after page, to the end."""
        found: list[int] = []
        after: tuple[Any, ...] | None = None
        while True:
            page = await page_of(self.db, to, order, Cut(size, after))
            found += [each.learner.member.id for each in page]
            if len(page) < size:
                return found
            after = page[-1].place


async def page_of(db: AsyncSession, to: Narrowing, order: Order, cut: Cut) -> list[listing.Found]:
    owner = Owner(1)
    pages = await listing.pages(
        db,
        by=system(1),
        owners=[owner],
        shown=Shown(is_whole=True, of_groups=False, to=to),
        order=order,
        cut=cut,
    )
    return pages[owner]


def fits(each: Somebody, to: Narrowing) -> bool:
    checks = (
        each.kind in to.kinds,
        to.text is None or found_by(each, to.text, in_addresses=to.in_addresses),
        to.states is None or each.state in to.states,
        to.is_overdue is None or each.is_overdue is to.is_overdue,
        to.sources is None or bool(each.sources & set(to.sources)),
        to.certificates is None or each.certificate in to.certificates,
        to.due_before is None or each.due_at < to.due_before,
        to.due_since is None or each.due_at >= to.due_since,
        to.member_states is None or each.account in to.member_states,
    )
    return all(checks)


def found_by(each: Somebody, escaped: str, *, in_addresses: bool) -> bool:
    plain = escaped.replace("/", "", 1)
    read = [each.name] + ([f"p{each.id}", each.email or ""] if in_addresses else [])
    return any(plain in one.lower() for one in read)


def narrowings(chance: random.Random) -> Iterator[Narrowing]:
    yield Narrowing()
    yield Narrowing(kinds=())
    yield Narrowing(kinds=tuple(LearnerKind), states=())
    for piece in ("a", "mail.EXAMPLE".lower(), "/%", "/_2", "//", "p10"):
        yield Narrowing(kinds=tuple(LearnerKind), text=piece, in_addresses=chance.random() < 0.5)
    for _ in range(40):
        yield Narrowing(
            kinds=some(chance, LearnerKind) or (LearnerKind.LEARNER,),
            states=some(chance, ProgressState),
            is_overdue=chance.choice([None, None, True, False]),
            sources=some(chance, EnrolmentSource) if chance.random() < 0.2 else None,
            certificates=some(chance, CertificateStanding),
            due_before=chance.choice([None, None, NOW, COURSE_DUE]),
            due_since=chance.choice([None, None, NOW, COURSE_DUE]),
            member_states=some(chance, MemberState),
        )


def some(chance: random.Random, kind: Any) -> Any:
    return tuple(chance.sample(list(kind), 2)) if chance.random() < 0.4 else None


@pytest.fixture
async def everybody(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[Everybody]:
    chance = random.Random(7)
    people = [somebody(id, chance) for id in range(101, 161)]
    async with sessions() as db:
        await build(db)
        await db.execute(text("UPDATE course SET due_at = :due WHERE id = 1"), {"due": COURSE_DUE})
        for person in people:
            await store(db, person, chance)
        names = await db.scalars(text("SELECT id FROM member ORDER BY lower(display_name), id"))
        yield Everybody(db, people, list(names))


@pytest.mark.spec("G8")
@pytest.mark.parametrize("is_descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("by", list(LearnerOrder))
async def test_pages_give_everybody_once_in_every_order_whatever_is_missing(
    everybody: Everybody, by: LearnerOrder, is_descending: bool
) -> None:
    to, order = Narrowing(kinds=tuple(LearnerKind)), Order(by, is_descending)
    expected = everybody.expected(to, order)

    assert len(expected) > 50
    for size in (1, 7, 100):
        assert await everybody.listed(to, order, size) == expected


@pytest.mark.spec("M34", "G4")
async def test_the_list_and_its_counts_hold_those_a_narrowing_means_and_nobody_else(
    everybody: Everybody,
) -> None:
    chance, lengths = random.Random(8), set()
    for to in narrowings(chance):
        order = Order(chance.choice(list(LearnerOrder)), chance.random() < 0.5)
        expected = everybody.expected(to, order)
        assert await everybody.listed(to, order, 100) == expected, to
        tallies = await listing.counts(
            everybody.db,
            by=system(1),
            owners=[Owner(1)],
            shown=Shown(is_whole=True, of_groups=False, to=to),
        )
        assert tallies[Owner(1)] == everybody.tally(to), to
        lengths.add(len(expected))

    assert len(lengths) > 10


async def test_a_row_says_what_is_known_of_the_person(everybody: Everybody) -> None:
    to = Narrowing(kinds=tuple(LearnerKind))
    rows = await page_of(everybody.db, to, Order(), Cut(100))
    known = {each.id: each for each in everybody._people}

    for row in (each.learner for each in rows):
        told = known[row.member.id]
        assert told_of(row) == (
            told.kind,
            told.state,
            told.percent,
            told.due_at,
            told.is_overdue,
            told.last_activity_at,
            EnrolmentSource.DIRECT in told.sources,
            told.state in {*STARTED, "NOT_STARTED"},
        )
        assert (row.certificate is None) is (told.certificate is CertificateStanding.NONE)
        assert row.certificate is None or row.certificate.serial == 2 * told.id + 2


def told_of(row: Learner) -> tuple[Any, ...]:
    return (
        row.kind,
        row.state,
        row.percent,
        row.due_at,
        row.is_overdue,
        row.last_activity_at,
        row.facts.is_direct,
        row.open_attempt is not None,
    )


@pytest.mark.spec("C13", "G4")
async def test_who_holds_course_enroll_is_listed_and_counted_only_their_own_groups(
    everybody: Everybody,
) -> None:
    db, caller = everybody.db, member(1)
    whom = everybody.expected(Narrowing(), Order(LearnerOrder.SINCE))[:3]
    await grant(db, 1, "course_enroll", course_id=1)
    own = await group(db, 1, *whom, made_by=1)
    await group(db, 1, *everybody.expected(Narrowing(), Order())[:9], made_by=2)

    for owner in (Owner(1), Owner(1, own)):
        shown = Shown(is_whole=False, of_groups=owner.group_id is not None, to=Narrowing())
        found = await some_of(db, caller, owner, shown)
        assert [each.member.id for each in found] == whom
        assert {each.facts.group_of(1) for each in found} == {own}


async def some_of(db: AsyncSession, by: Caller, owner: Owner, shown: Shown) -> list[Learner]:
    """Everybody in a list, who are as many as it counts."""
    order = Order(LearnerOrder.SINCE)
    read: dict[str, Any] = {"by": by, "owners": [owner], "shown": shown}
    pages = await listing.pages(db, **read, order=order, cut=Cut(100))
    tallies = await listing.counts(db, **read)
    assert sum(tallies[owner].values()) == len(pages[owner])
    return [each.learner for each in pages[owner]]


async def group(db: AsyncSession, course_id: int, *learners: int, made_by: int) -> int:
    id: int | None = await db.scalar(
        text(
            "INSERT INTO learner_group (workspace_id, course_id, name, created_by_id)"
            " VALUES (1, :course_id, gen_random_uuid(), :made_by) RETURNING id"
        ),
        {"course_id": course_id, "made_by": made_by},
    )
    assert id is not None
    for member_id in learners:
        await db.execute(
            text(
                "INSERT INTO enrolment (course_id, member_id, workspace_id, source, group_id)"
                " VALUES (:course_id, :member_id, 1, 'GROUP', :id)"
            ),
            {"course_id": course_id, "member_id": member_id, "id": id},
        )
    return id
