"""A manager of both workspaces, who decides by the product's own operations."""

import asyncio
import datetime as dt
import random
import uuid
from collections.abc import Awaitable, Callable

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from access.caller import Caller, system
from models.segments import AttachmentMode
from operations import attachments, coordinators, overrides, pins, segments, undo
from operations.edge import Edge, Ring, silent
from operations.holds import deciding
from operations.refusals import Refused
from tests.torture.drawing import rule
from tests.torture.field import SEGMENTS, TIER, Field, Plot, is_outage

Act = Callable[[AsyncSession, Plot, Caller], Awaitable[None]]

SHORT = dt.timedelta(seconds=0.1)


class Manager:
    """Holds are decided, change sets undone, pins removed, segments attached, followed otherwise,
    detached and deleted, people kept and excluded: one operation a transaction."""

    def __init__(self, field: Field, seed: int, ring: Ring = silent) -> None:
        self.decisions = 0
        self.refused = 0
        self._field = field
        self._dice = random.Random(seed)
        self._engine = create_async_engine(field.engine.url, pool_size=1, pool_pre_ping=True)
        self._edge = Edge(async_sessionmaker(self._engine, expire_on_commit=False), ring)
        self._runner = asyncio.Runner()
        self._made: dict[int, int] = {}

    def decide(self, steps: int) -> None:
        """So many steps; what is refused is counted, what breaks off with the database is not
        done."""
        self._runner.run(self._steps(steps))

    def close(self) -> None:
        self._runner.run(self._engine.dispose())
        self._runner.close()

    async def _steps(self, steps: int) -> None:
        acts: tuple[Act, ...] = (
            *(self._approve,) * 3,
            *(self._discard,) * 2,
            *(self._undo,) * 3,
            self._unpin,
            self._attach,
            self._detach,
            self._follow,
            self._replace,
            self._keep_or_exclude,
            self._lift,
            self._coordinate,
        )
        for _ in range(steps):
            plot = self._dice.choice(self._field.plots)
            act = self._dice.choice(acts)
            self._made.clear()
            try:
                async with self._edge.transaction() as db:
                    await act(db, plot, system(plot.workspace_id))
                self.decisions += 1
            except Refused:
                self.refused += 1
            except (DBAPIError, psycopg.Error, OSError) as problem:
                if not is_outage(problem):
                    raise
                await asyncio.sleep(0.05)
            else:
                for place, segment_id in self._made.items():
                    plot.segments[place] = segment_id

    async def _one(self, db: AsyncSession, plot: Plot, statement: str) -> int | None:
        """One of these rows, read without any lock: it may be another's meanwhile."""
        rows = (await db.execute(text(statement), {"workspace": plot.workspace_id})).all()
        return int(self._dice.choice(rows)[0]) if rows else None

    def _until(self) -> dt.datetime | None:
        is_short = self._dice.random() < 0.6
        return dt.datetime.now(dt.UTC) + SHORT if is_short else None

    # --- holds, undo and pins ----------------------------------------------------------------

    async def _approve(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        hold_id = await self._one(db, plot, OPEN)
        if hold_id is not None:
            some = await self._some_of(db, plot, hold_id)
            await deciding.approve(db, by=by, hold_id=hold_id, reason="torture", member_ids=some)

    async def _discard(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        hold_id = await self._one(db, plot, OPEN)
        if hold_id is not None:
            await deciding.discard(
                db,
                by=by,
                hold_id=hold_id,
                reason="torture",
                at=dt.datetime.now(dt.UTC),
                member_ids=await self._some_of(db, plot, hold_id),
                expires_at=self._until(),
            )

    async def _some_of(self, db: AsyncSession, plot: Plot, hold_id: int) -> list[int] | None:
        """One of those who wait, or all."""
        if self._dice.random() < 0.6:
            return None
        one = await self._one(db, plot, f"{WAITING} AND hold_id = {hold_id}")
        return None if one is None else [one]

    async def _undo(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        change_set_id = await self._one(db, plot, RECENT)
        if change_set_id is not None:
            await undo.undo(
                db,
                by=by,
                change_set_id=change_set_id,
                reason="torture",
                expires_at=self._until(),
                at=dt.datetime.now(dt.UTC),
            )

    async def _unpin(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        segment_id = await self._one(db, plot, PINNED)
        if segment_id is not None:
            people = self._dice.sample(plot.people, 20)
            await pins.remove(db, by=by, segment_id=segment_id, member_ids=people, reason="torture")

    # --- courses -----------------------------------------------------------------------------

    def _pair(self, plot: Plot) -> tuple[int, int]:
        segment_id = self._dice.choice((*plot.segments, *plot.statics))
        return self._dice.choice(plot.courses), segment_id

    async def _attach(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        course_id, segment_id = self._pair(plot)
        mode = self._dice.choice(tuple(AttachmentMode))
        await attachments.attach(db, by=by, course_id=course_id, segment_id=segment_id, mode=mode)

    async def _detach(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        course_id, segment_id = self._pair(plot)
        await attachments.detach(
            db, by=by, course_id=course_id, segment_id=segment_id, accept_losses=None
        )

    async def _follow(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        course_id, segment_id = self._pair(plot)
        await attachments.change_mode(
            db,
            by=by,
            course_id=course_id,
            segment_id=segment_id,
            mode=self._dice.choice(tuple(AttachmentMode)),
            accept_losses=None,
        )

    async def _replace(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        """Delete a segment that none builds on, and put another in its place."""
        place = self._dice.randrange(SEGMENTS - TIER, SEGMENTS)
        await segments.remove(
            db,
            by=by,
            segment_id=plot.segments[place],
            at=dt.datetime.now(dt.UTC),
            detach=True,
        )
        made = await segments.create(
            db, by=by, name=uuid.uuid4().hex, rule=rule(self._dice, plot.inner(place))
        )
        self._made[place] = made.id

    async def _keep_or_exclude(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        act = self._dice.choice((overrides.keep, overrides.exclude))
        await act(
            db,
            by=by,
            course_id=self._dice.choice(plot.courses),
            member_id=self._dice.choice(plot.people),
            reason="torture",
            expires_at=self._until(),
            at=dt.datetime.now(dt.UTC),
        )

    async def _lift(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        course_id = self._dice.choice(plot.courses)
        member_id = await self._one(db, plot, f"{OVERRIDDEN} AND course_id = {course_id}")
        if member_id is not None:
            await overrides.lift(db, by=by, course_id=course_id, member_id=member_id)

    async def _coordinate(self, db: AsyncSession, plot: Plot, by: Caller) -> None:
        course_id, member_id = self._dice.choice(plot.courses), self._dice.choice(plot.people)
        await coordinators.assign(db, by=by, course_id=course_id, coordinators=[member_id])


OPEN = "SELECT id FROM hold WHERE workspace_id = :workspace AND state = 'OPEN'"
WAITING = "SELECT member_id FROM held_removal WHERE workspace_id = :workspace AND NOT is_approved"
RECENT = "SELECT id FROM change_set WHERE workspace_id = :workspace ORDER BY id DESC LIMIT 40"
PINNED = "SELECT segment_id FROM membership_pin WHERE workspace_id = :workspace"
OVERRIDDEN = "SELECT member_id FROM coordinator_override WHERE workspace_id = :workspace"
