"""The directory as scim2-server's storage, for one connection and one transaction.

Reading makes resources of rows; writing goes through the operations. Ids of other connections,
and so of other workspaces, are unknown here.
"""

import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from scim2_models import (
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import AsyncScimStorage, SearchPage
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from app.scim.filters import uuid_of
from app.scim.mapping import attributes_of
from app.scim.published import Published
from app.scim.rows import Rows, document_of, version_of
from app.scim.searching import Search, wants
from models import journal
from models.identity import DirectoryGroup, DirectoryPerson
from operations import directory
from operations.identity import apply_user_change
from operations.refusals import Code, Refused
from operations.statements import IdentityChange, Kind, Mode, Subject
from sync_engine.markers import Lane
from sync_engine.rules import Catalog

_ANSWERS: Final[dict[Code, type[SCIMException]]] = {
    Code.NAME_TAKEN: UniquenessException,
    Code.BAD_USER_INPUT: InvalidValueException,
    Code.NOT_FOUND: NotFoundException,
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one connection. `is_writing` locks what is read, `is_bulk` makes its many
    operations independent of each other."""

    db: AsyncSession
    by: Caller
    catalog: Catalog
    published: Published
    at: dt.datetime
    is_writing: bool
    is_bulk: bool

    @property
    def lane(self) -> Lane:
        """How urgent the changes are."""
        return Lane.BULK if self.is_bulk else Lane.INTERACTIVE

    @property
    def connection_id(self) -> int:
        """The connection that speaks."""
        assert self.by.connection_id is not None  # noqa: S101 - the door lets nobody else in
        return self.by.connection_id


class DirectoryStorage(AsyncScimStorage):
    """The users and groups of one connection."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.rows = Rows(visit.db, visit.connection_id, visit.published)

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """The resource; its row is locked when the request writes."""
        if resource_type.name == "User":
            return (await self.rows.users([await self._person(resource_id)]))[0]
        group = await self.group(resource_id)
        with_members = wants(response_parameters, "members")
        return (await self.rows.groups([group], with_members=with_members))[0]

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        """One page of what matches."""
        return await Search(self.rows, search_request).page(resource_types)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """A new user or group."""
        id = uuid.uuid4()
        if resource_type.name == "User":
            document = {"active": True, **document_of(resource)}
            return await self._say_user(id, document)
        async with answered():
            group = await directory.create_group(
                self.visit.db,
                by=self.visit.by,
                display_name=document_of(resource).get("displayName", ""),
                external_id=resource.external_id,
                at=self.visit.at,
            )
            await self._replace_members(group, resource)
        return await self.get(resource_type, str(group.id))

    async def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        """The whole new state of a user or a group."""
        id = str(resource.id)
        if resource_type.name == "User":
            person = await self._person(id, is_for_writing=True)
            _expect(person, expected_version)
            return await self._say_user(person.id, document_of(resource))
        group = await self.group(id, is_for_writing=True)
        _expect(group, expected_version)
        async with answered():
            await directory.edit_group(
                self.visit.db,
                by=self.visit.by,
                group=group,
                display_name=document_of(resource).get("displayName", ""),
                external_id=resource.external_id,
                at=self.visit.at,
            )
            await self._replace_members(group, resource)
        return await self.get(resource_type, id)

    async def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        """The end of a user or a group."""
        visit = self.visit
        if resource_type.name == "User":
            person = await self._person(resource_id, is_for_writing=True)
            _expect(person, expected_version)
            gone = IdentityChange(Kind.USER_DELETED, Subject(scim_id=person.id))
            async with answered():
                await apply_user_change(
                    visit.db,
                    by=visit.by,
                    change=gone,
                    at=visit.at,
                    lane=visit.lane,
                    catalog=visit.catalog,
                )
            return
        group = await self.group(resource_id, is_for_writing=True)
        _expect(group, expected_version)
        await directory.delete_group(visit.db, by=visit.by, group=group, at=visit.at)

    def operation(self) -> AbstractAsyncContextManager[None]:
        """A savepoint around each operation of a bulk request; a single request is its own
        transaction."""
        return _attempt(self.visit.db) if self.visit.is_bulk else nullcontext()

    async def group(self, id: str, *, is_for_writing: bool = False) -> DirectoryGroup:
        """A group's row, locked when the request writes. Raises NotFoundException."""
        group_id, visit = uuid_of(id), self.visit
        if group_id is not None and (is_for_writing or visit.is_writing):
            group = await directory.lock_group(visit.db, visit.by, group_id)
        else:
            group = await visit.db.scalar(
                select(DirectoryGroup).where(
                    DirectoryGroup.id == group_id,
                    DirectoryGroup.connection_id == visit.connection_id,
                    DirectoryGroup.deleted_at.is_(None),
                )
            )
        if group is None:
            raise NotFoundException(detail=f"There is no group {id[:100]!r}")
        return group

    async def member_ids(self, values: Collection[object]) -> set[int]:
        """Members of the workspace by their SCIM ids. Raises InvalidValueException for others."""
        by_value = {value: uuid_of(value) for value in values}
        wanted = {id for id in by_value.values() if id is not None}
        visit = self.visit
        known = await directory.members_by_scim_id(visit.db, visit.by, wanted) if wanted else {}
        unknown = [str(value)[:100] for value, id in by_value.items() if id not in known]
        if unknown:
            raise InvalidValueException(
                detail=f"{len(unknown)} of the members are no users here, the first {unknown[0]!r}"
            )
        return set(known.values())

    async def known_member_ids(self, values: Iterable[object]) -> set[int]:
        """The same for people who shall leave: whoever is unknown has left already."""
        wanted = {id for value in values if (id := uuid_of(value)) is not None}
        visit = self.visit
        known = await directory.members_by_scim_id(visit.db, visit.by, wanted) if wanted else {}
        return set(known.values())

    async def _person(self, id: str, *, is_for_writing: bool = False) -> DirectoryPerson:
        query = (
            select(DirectoryPerson)
            .where(
                DirectoryPerson.id == uuid_of(id),
                DirectoryPerson.connection_id == self.visit.connection_id,
                DirectoryPerson.deleted_at.is_(None),
            )
            .execution_options(populate_existing=True)
        )
        if is_for_writing or self.visit.is_writing:
            query = query.with_for_update(key_share=True)
        person = await self.visit.db.scalar(query)
        if person is None:
            raise NotFoundException(detail=f"There is no user {id[:100]!r}")
        return person

    async def _say_user(self, id: uuid.UUID, document: dict[str, Any]) -> Resource[Any]:
        visit = self.visit
        _check_storable(document)
        said = IdentityChange(
            Kind.USER_CHANGED,
            Subject(
                scim_id=id,
                external_id=document.get("externalId"),
                user_name=document.get("userName"),
            ),
            mode=Mode.FULL,
            attributes=attributes_of(document, visit.published.own),
            active=document.get("active"),
            document=document,
        )
        async with answered():
            await apply_user_change(
                visit.db,
                by=visit.by,
                change=said,
                at=visit.at,
                lane=visit.lane,
                catalog=visit.catalog,
            )
        return (await self.rows.users([await self._person(str(id))]))[0]

    async def _replace_members(self, group: DirectoryGroup, resource: Resource[Any]) -> None:
        members = getattr(resource, "members", None) or ()
        await directory.replace_members(
            self.visit.db,
            by=self.visit.by,
            group=group,
            wanted=await self.member_ids([each.value for each in members]),
            at=self.visit.at,
            lane=self.visit.lane,
        )


def _expect(row: DirectoryPerson | DirectoryGroup, version: str | None) -> None:
    if version is not None and version_of(row) != version:
        raise PreconditionFailedException


def _check_storable(document: dict[str, Any]) -> None:
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        raise InvalidValueException(detail="A number is not finite or too long") from None


@asynccontextmanager
async def answered() -> AsyncIterator[None]:
    """What the operations refuse, as SCIM says it."""
    try:
        yield
    except Refused as refusal:
        answer = _ANSWERS.get(refusal.code, InvalidValueException)
        raise answer(detail=refusal.message) from None


@asynccontextmanager
async def _attempt(db: AsyncSession) -> AsyncIterator[None]:
    written = journal.position(db)
    try:
        async with db.begin_nested():
            yield
            await db.flush()
    except BaseException:
        journal.rewind(db, written)
        raise
