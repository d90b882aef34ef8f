"""An instructor-led course with learners, and its live sessions, told by name."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text

from access.caller import Caller
from models.catalog import CourseKind
from models.live_sessions import LiveRegistration, LiveSession
from models.mail import MailKind
from operations.live_sessions import attendance, closing, registering, roster, scheduling, staffing
from operations.live_sessions.attendance import Attendance, Mark
from operations.live_sessions.roster import RosterOutcome
from operations.live_sessions.seats import Admission
from tests.mailing import Outbox
from tests.world import MONDAY, World

START = MONDAY + dt.timedelta(days=7)
END = START + dt.timedelta(hours=2)
BEFORE, DURING, AFTER = MONDAY, START + dt.timedelta(minutes=5), END + dt.timedelta(minutes=5)
COURSE = "Fire Safety"


@dataclass
class Class:
    """One course of a world; the live session last made is the one spoken of."""

    world: World
    live_session_id: int = 0
    others: list[int] = field(default_factory=list)

    @classmethod
    async def open(cls, world: World, *learners: str, **course: Any) -> "Class":
        """Ingrid instructs the course, Cora coordinates it."""
        for name in ("Ingrid", "Cora", *learners):
            await world.member(name, emails=[f"{name.lower()}@acme.example"])
        await world.course(
            COURSE,
            kind=CourseKind.INSTRUCTOR_LED,
            instructors=["Ingrid"],
            coordinators_by_hand=["Cora"],
            **course,
        )
        if learners:
            await world.enrol(COURSE, *learners)
        return cls(world)

    def ids(self, names: Sequence[str]) -> list[int]:
        return [self.world.members[name] for name in names]

    def by(self, who: str | Caller) -> Caller:
        return self.world.caller(who) if isinstance(who, str) else who

    async def schedule(
        self, *, by: str = "Cora", at: dt.datetime = BEFORE, staff: Sequence[str] = (), **said: Any
    ) -> int:
        told = {
            "title": "Ladders",
            "starts_at": START,
            "ends_at": END,
            "time_zone": "Europe/Stockholm",
        }
        async with self.world.edge.transaction() as db:
            made = await scheduling.create(
                db,
                by=self.by(by),
                course_id=self.world.courses[COURSE],
                said=told | said,
                staff_ids=self.ids(staff),
                at=at,
            )
        self.live_session_id = made.id
        return made.id

    async def edit(self, *, by: str = "Cora", at: dt.datetime = BEFORE, **changes: Any) -> None:
        async with self.world.edge.transaction() as db:
            await scheduling.edit(
                db, by=self.by(by), live_session_id=self.live_session_id, changes=changes, at=at
            )

    async def cancel(self, *, by: str = "Cora", at: dt.datetime = BEFORE) -> None:
        async with self.world.edge.transaction() as db:
            await scheduling.cancel(
                db, by=self.by(by), live_session_id=self.live_session_id, reason="Ill.", at=at
            )

    async def staff(
        self, add: Sequence[str] = (), remove: Sequence[str] = (), *, by: str = "Cora"
    ) -> None:
        async with self.world.edge.transaction() as db:
            await staffing.staff(
                db,
                by=self.by(by),
                live_session_id=self.live_session_id,
                add=self.ids(add),
                remove=self.ids(remove),
                at=BEFORE,
            )

    async def register(self, *names: str, at: dt.datetime = BEFORE) -> list[Admission]:
        """One after the other, in transactions of their own."""
        found = []
        for name in names:
            async with self.world.edge.transaction() as db:
                found.append(
                    await registering.register(
                        db, by=self.by(name), live_session_id=self.live_session_id, at=at
                    )
                )
        return found

    async def give_back(self, name: str, *, at: dt.datetime = BEFORE) -> bool:
        async with self.world.edge.transaction() as db:
            return await registering.cancel_own(
                db, by=self.by(name), live_session_id=self.live_session_id, at=at
            )

    async def place(
        self, *names: str, by: str = "Cora", overbook: bool = False, at: dt.datetime = BEFORE
    ) -> list[RosterOutcome]:
        async with self.world.edge.transaction() as db:
            found = await roster.place(
                db,
                by=self.by(by),
                live_session_id=self.live_session_id,
                member_ids=self.ids(names),
                overbook=overbook,
                at=at,
            )
        return list(found.values())

    async def remove(
        self, *names: str, by: str = "Cora", at: dt.datetime = BEFORE
    ) -> list[RosterOutcome]:
        async with self.world.edge.transaction() as db:
            found = await roster.remove(
                db,
                by=self.by(by),
                live_session_id=self.live_session_id,
                member_ids=self.ids(names),
                at=at,
            )
        return list(found.values())

    async def mark(
        self,
        *names: str,
        state: Attendance = Attendance.ATTENDED,
        minutes: int | None = None,
        by: str = "Cora",
        at: dt.datetime = DURING,
    ) -> list[RosterOutcome]:
        async with self.world.edge.transaction() as db:
            found = await attendance.mark(
                db,
                by=self.by(by),
                live_session_id=self.live_session_id,
                marks=[Mark(id, state, minutes) for id in self.ids(names)],
                at=at,
            )
        return list(found.values())

    async def end_waitlists(self, *, at: dt.datetime = DURING) -> int:
        async with self.world.edge.transaction() as db:
            return await closing.end_waitlists(db, at=at, limit=100)

    async def release(self, *, at: dt.datetime = BEFORE) -> int:
        async with self.world.edge.transaction() as db:
            return await closing.release_left(db, at=at, limit=100)

    async def row(self) -> LiveSession:
        async with self.world.edge.read() as db:
            return await db.get_one(LiveSession, self.live_session_id)

    async def states(self) -> dict[str, str]:
        """By name: what the registrations are."""
        names = {id: name for name, id in self.world.members.items()}
        async with self.world.edge.read() as db:
            rows = await db.scalars(
                select(LiveRegistration)
                .where(LiveRegistration.live_session_id == self.live_session_id)
                .order_by(LiveRegistration.member_id)
            )
            return {names[each.member_id]: each.state.value for each in rows}

    async def booked(self) -> list[str]:
        return [name for name, state in (await self.states()).items() if state == "BOOKED"]

    async def waiting(self) -> list[str]:
        """Those who wait, in their order."""
        names = {id: name for name, id in self.world.members.items()}
        async with self.world.edge.read() as db:
            rows = await db.scalars(
                select(LiveRegistration.member_id)
                .where(
                    LiveRegistration.live_session_id == self.live_session_id,
                    LiveRegistration.state == "WAITLISTED",
                )
                .order_by(LiveRegistration.place)
            )
            return [names[id] for id in rows]

    async def told(self, kind: MailKind) -> list[str]:
        """To whom such a mail was queued, in order."""
        names = {id: name for name, id in self.world.members.items()}
        mails = await Outbox(self.world).mails()
        return [names[id] for each in mails if each.kind is kind for id in each.member_ids]

    async def said(self) -> list[str]:
        """What the journal says about live sessions and registrations."""
        verbs = await self.world.verbs()
        return [each for each in verbs if each.split(".")[0] in ("live_session", "registration")]

    async def execute(self, statement: str, **given: Any) -> None:
        async with self.world.edge.transaction() as db:
            await db.execute(text(statement), {"id": self.live_session_id, **given})
