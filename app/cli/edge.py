"""How commands reach the database: one edge, one caller, one workspace."""

import getpass
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin, system
from access.permissions import Scope
from app.database import sessions_on, web_engine
from app.embedded import CannotStart
from app.settings import Settings
from models.catalog import Course, Department, Module
from models.identity import Connection
from models.people import Member
from models.segments import Segment
from models.workspaces import Workspace
from operations.edge import Edge

_LISTED = 10


@dataclass(frozen=True, slots=True)
class Reached:
    """An open transaction, and who acts in which workspace."""

    db: AsyncSession
    by: Caller


@asynccontextmanager
async def edge_of(settings: Settings, command: str = "command") -> AsyncIterator[Edge]:
    """The edge, for as long as a command needs it; the database knows the command by its name."""
    engine = web_engine(settings.database_address, application_name=f"coordinator {command}")
    try:
        yield Edge(sessions_on(engine))
    finally:
        await engine.dispose()


@asynccontextmanager
async def acting_in(settings: Settings, workspace: str | None) -> AsyncIterator[Reached]:
    """One transaction in a workspace, as the command line."""
    async with edge_of(settings) as edge, edge.transaction() as db:
        by = system(await workspace_id(db, workspace), Origin.CLI)
        yield Reached(db, replace(by, client=_here()))


def _here() -> str:
    """Whose shell on which machine it is, for the journal: the address of a command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


async def workspace_id(db: AsyncSession, slug: str | None) -> int:
    """The workspace with this short name, or the only one there is; raises CannotStart."""
    found_rows = await db.execute(select(Workspace.slug, Workspace.id).order_by(Workspace.slug))
    rows = found_rows.all()
    found: dict[str, int] = {name: id for name, id in rows if slug in (None, name)}
    if len(found) == 1:
        return next(iter(found.values()))
    raise _unclear(slug, [name for name, _ in rows])


def _unclear(slug: str | None, known: list[str]) -> CannotStart:
    names = ", ".join(known[:_LISTED]) or "none yet"
    if slug is None:
        return CannotStart(f"Say which workspace with --workspace; there are: {names}.")
    return CannotStart(f"There is no workspace {slug!r}; there are: {names}.")


async def caller_in(settings: Settings, slug: str | None) -> Caller:
    """The command line, acting in the workspace that was meant; raises CannotStart."""
    async with acting_in(settings, slug) as reached:
        return reached.by


async def workspace_of(settings: Settings, slug: str | None) -> int:
    """The id of the workspace that was meant; raises CannotStart."""
    return (await caller_in(settings, slug)).workspace_id


async def workspaces_meant(settings: Settings, slug: str | None) -> list[str]:
    """The short name that was given, or those of all workspaces; raises CannotStart."""
    async with edge_of(settings) as edge, edge.read() as db:
        found = list(await db.scalars(select(Workspace.slug).order_by(Workspace.slug)))
    if slug is None:
        return found
    if slug not in found:
        raise _unclear(slug, found)
    return [slug]


async def member_id(db: AsyncSession, workspace: int, who: str) -> int:
    """The member with this id or user name; raises CannotStart."""
    is_meant = (
        Member.id == int(who)
        if who.isascii() and who.isdigit() and len(who) < 19
        else func.lower(Member.user_name) == who.lower()
    )
    found: int | None = await db.scalar(
        select(Member.id).where(
            Member.workspace_id == workspace, Member.deleted_at.is_(None), is_meant
        )
    )
    if found is None:
        raise CannotStart(f"There is no member {who!r}; give a user name or a numeric id.")
    return found


async def number_of(db: AsyncSession, workspace: int, scope: Scope, said: str) -> int:
    """The course, department or module with this name or number; raises CannotStart."""
    kind: Any = {Scope.COURSE: Course, Scope.DEPARTMENT: Department, Scope.MODULE: Module}[scope]
    name = kind.name if scope is Scope.DEPARTMENT else kind.title
    is_meant = func.lower(name) == said.lower()
    if said.isascii() and said.isdigit() and len(said) < 10:
        is_meant = or_(is_meant, kind.id == int(said))
    rows = await db.scalars(select(kind.id).where(kind.workspace_id == workspace, is_meant))
    ids = sorted(rows)
    if said in map(str, ids):
        return int(said)
    if len(ids) == 1:
        return int(ids[0])
    if not ids:
        raise CannotStart(f"There is no {scope} {said!r}; give its name as it is, or its number.")
    numbers = ", ".join(map(str, ids))
    raise CannotStart(f"{len(ids)} of these are called {said!r}; say which number: {numbers}.")


async def connection_id(db: AsyncSession, workspace: int, name: str) -> int:
    """The connection with this name; raises CannotStart."""
    rows = await db.execute(
        select(Connection.name, Connection.id).where(Connection.workspace_id == workspace)
    )
    found = {row.name.lower(): row.id for row in rows}
    if name.lower() not in found:
        names = ", ".join(sorted(found)[:_LISTED]) or "none yet"
        raise CannotStart(f"There is no connection {name!r}; there are: {names}.")
    return int(found[name.lower()])


async def segment_id(db: AsyncSession, workspace: int, said: str) -> int:
    """The segment with this name, or this number; raises CannotStart."""
    is_meant = func.lower(Segment.name) == said.lower()
    if said.isascii() and said.isdigit() and len(said) < 10:
        is_meant = or_(is_meant, Segment.id == int(said))
    found: int | None = await db.scalar(
        select(Segment.id)
        .where(Segment.workspace_id == workspace, Segment.deleted_at.is_(None), is_meant)
        .order_by(func.lower(Segment.name) != said.lower())
        .limit(1)
    )
    if found is None:
        raise CannotStart(f"There is no segment {said!r}; give its name, or its number.")
    return found
