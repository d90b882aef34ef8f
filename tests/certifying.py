"""A school that hands out certificates, made and asked through the product's own operations."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from access.caller import Caller
from access.permissions import Principal
from models.catalog import Course
from models.certificates import Certificate
from models.progress import AttemptOrigin
from operations.certificates import issuing
from operations.learning import attempts, enrolments, resetting
from tests.world import MONDAY, World

REASON = "Somebody else took the test."


@dataclass
class School:
    """Course Selling, which Lea and Kim learn, Cora coordinates and Ingrid instructs; Mo manages
    the workspace, Dora the department; Edda edits the course, Nils has nothing to do with it."""

    world: World

    @classmethod
    async def open(cls, world: World) -> "School":
        for name in ("Mo", "Dora", "Edda", "Nils", "Cora", "Ingrid", "Lea", "Kim"):
            await world.member(name, emails=[f"{name.lower()}@{world.slug}.example"])
        await world.grant("Mo", Principal.WORKSPACE_MANAGER)
        await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
        await world.course("Selling", instructors=["Ingrid"], coordinators_by_hand=["Cora"])
        await world.grant("Edda", Principal.COURSE_EDIT, course="Selling")
        await world.enrol("Selling", "Lea", "Kim")
        return cls(world)

    @property
    def course_id(self) -> int:
        return self.world.courses["Selling"]

    def who(self, by: str | None) -> Caller:
        return self.world.system if by is None else self.world.caller(by)

    async def set(self, **columns: Any) -> None:
        """Settings of the course."""
        async with self.world.edge.transaction() as db:
            course = await db.get_one(Course, self.course_id)
            for name, value in columns.items():
                setattr(course, name, value)

    async def complete(
        self, *names: str, by: str | None = None, at: dt.datetime = MONDAY
    ) -> dict[int, Any]:
        async with self.world.edge.transaction() as db:
            return await attempts.complete(
                db,
                by=self.who(by),
                course_id=self.course_id,
                member_ids=[self.world.members[name] for name in names],
                origin=AttemptOrigin.MANUAL,
                at=at,
            )

    async def reset(self, *names: str, removing: bool = False, at: dt.datetime = MONDAY) -> None:
        async with self.world.edge.transaction() as db:
            await resetting.reset(
                db,
                by=self.world.system,
                course_id=self.course_id,
                member_ids=[self.world.members[name] for name in names],
                reason=REASON,
                remove_certificate=removing,
                at=at,
            )

    async def unassign(self, name: str) -> None:
        async with self.world.edge.transaction() as db:
            await enrolments.unassign(
                db,
                by=self.world.system,
                course_id=self.course_id,
                member_ids=[self.world.members[name]],
                at=MONDAY,
            )

    async def generate(
        self, name: str = "Lea", *, by: str | None = "Cora", at: dt.datetime = MONDAY
    ) -> Certificate:
        async with self.world.edge.transaction() as db:
            return await issuing.generate(
                db,
                by=self.who(by),
                course_id=self.course_id,
                member_id=self.world.members[name],
                at=at,
            )

    async def remove(
        self,
        certificate: Certificate,
        *,
        by: str = "Cora",
        reason: str = REASON,
        at: dt.datetime = MONDAY,
    ) -> Certificate:
        async with self.world.edge.transaction() as db:
            return await issuing.remove(
                db, by=self.who(by), certificate_id=certificate.id, reason=reason, at=at
            )

    async def expire(self, at: dt.datetime) -> int:
        async with self.world.edge.transaction() as db:
            return await issuing.expire(db, at=at, limit=500)

    async def certificates(self, name: str | None = None) -> Sequence[Certificate]:
        """All there ever were, in the order of their numbers."""
        rows = select(Certificate).where(Certificate.workspace_id == self.world.workspace_id)
        if name is not None:
            rows = rows.where(Certificate.member_id == self.world.members[name])
        async with self.world.edge.read() as db:
            return (await db.scalars(rows.order_by(Certificate.serial))).all()

    async def states(self, name: str | None = None) -> list[str]:
        return [each.state.value for each in await self.certificates(name)]

    async def mails(self) -> list[Any]:
        async with self.world.edge.read() as db:
            rows = await db.execute(
                text(
                    "SELECT recipients, parameters FROM mail WHERE kind = 'CERTIFICATE_ISSUED'"
                    " AND workspace_id = :w ORDER BY id"
                ),
                {"w": self.world.workspace_id},
            )
            return list(rows)
