"""Our storage follows the contract that scim2-server ships for storages."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from scim2_models import Resource, ResourceType, ResponseParameters, ScimProvider, SearchRequest
from scim2_server.storage import AsyncScimStorage, SearchPage
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import Caller, Origin
from app.scim.published import published
from app.scim.storage import DirectoryStorage, Visit
from sync_engine.rules import STANDARD_ATTRIBUTES
from tests.app.scim.conftest import connect
from tests.servers import PostgresServer
from tests.world import World

PUBLISHED = published(STANDARD_ATTRIBUTES)


class OnFirstUse(AsyncScimStorage):
    """A new connection's storage, opened in the event loop that asks first. Every call is a
    request of its own, at its own time."""

    def __init__(self, database_url: str) -> None:
        self._engine = create_async_engine(database_url)
        self._visit: Visit | None = None

    async def _storage(self) -> DirectoryStorage:
        now = dt.datetime.now(dt.UTC)
        if self._visit is None:
            sessions = async_sessionmaker(self._engine, expire_on_commit=False)
            world = await World.new(sessions, uuid.uuid4().hex)
            connection = await connect(world)
            self._visit = Visit(
                db=sessions(),
                by=Caller(world.workspace_id, "IdP", Origin.SCIM, connection_id=connection.id),
                catalog=STANDARD_ATTRIBUTES,
                published=PUBLISHED,
                at=now,
                is_writing=True,
                is_bulk=True,
            )
        return DirectoryStorage(replace(self._visit, at=now))

    async def close(self) -> None:
        if self._visit is not None:
            await self._visit.db.close()
        await self._engine.dispose()

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        storage = await self._storage()
        return await storage.get(
            resource_type, resource_id, response_parameters=response_parameters
        )

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        if search_request.count is None:
            search_request.count = 200
        return await (await self._storage()).search(resource_types, search_request)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        return await (await self._storage()).create(resource_type, resource)

    async def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        storage = await self._storage()
        return await storage.update(resource_type, resource, expected_version=expected_version)

    async def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        storage = await self._storage()
        await storage.delete(resource_type, resource_id, expected_version=expected_version)


@pytest.fixture(scope="module")
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """One database for the whole contract: every storage has a workspace of its own."""
    name = postgres_server.clone()
    yield postgres_server.url(name)
    postgres_server.drop(name)


class TestDirectoryStorage(AsyncScimStorageContract):
    @pytest.fixture
    def provider(self) -> ScimProvider:
        return PUBLISHED.provider

    @pytest.fixture
    def async_storage(self, database_url: str) -> AsyncScimStorage:
        return OnFirstUse(database_url)

    @pytest.fixture
    def storage(self, async_storage: AsyncScimStorage) -> Iterator[Any]:
        assert isinstance(async_storage, OnFirstUse)
        with asyncio.Runner() as runner:
            yield BlockingStorage(async_storage, runner)
            runner.run(async_storage.close())


# Paging by cursor is neither offered nor announced.
for name in [each for each in dir(AsyncScimStorageContract) if "cursor" in each]:
    setattr(TestDirectoryStorage, name, None)
