"""What the answerers of one operation share: the caller, one view of the database, the batches.

All reading of one operation happens in one read-only transaction, so every part of an answer is
of the same moment, and on one connection, so it is done by one answerer at a time.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from access.caller import Caller
from access.permissions import Scope
from models import journal
from operations.connections import Seals
from operations.edge import Edge
from operations.rights import Rights, asked_in
from operations.sign_in_identities import Choice
from resolvers.declared import Asked, Right
from resolvers.references import Reference, reference_to
from resolvers.seal import Seal
from sync_engine.bus import Bus

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Question = Callable[[AsyncSession, "Context", Sequence[K]], Awaitable[Sequence[V]]]
"""Answers many keys at once: one value per key, in their order."""


class ReadsDoNotNest(Exception):
    """An answerer waited for other reading while it was itself reading: it would wait for ever."""


class NeverAsked(Exception):
    """A mutation was about to store something without asking for the right its field declares."""


class NotSignedIn(Exception):
    """An answerer that needs a caller was reached without one: a guard is missing."""


class IsOver(Exception):
    """An answerer wanted to read after its operation had been answered: something beside it failed,
    and nobody waits for it any more."""


class NotGiven(Exception):
    """An answerer needs something this context was not opened with: a mistake in the program."""


class Standing:
    """What rows are about, and what was decided of it so far."""

    __slots__ = ("reference", "verdicts")

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.verdicts: dict[Hashable, Any] = {}


class Context:
    """One operation of one caller (None: nobody is signed in).

    `choices` are the workspaces the caller could act in with the same token. `declared` and
    `arguments` are the right and the arguments, named as the schema names them, of
    the root field that runs; mutations run one after another.
    Inside `async with read()` or `transaction()` only use the session given; await loaders before
    or after.
    """

    def __init__(
        self,
        caller: Caller | None,
        edge: Edge,
        *,
        seal: Seal | None = None,
        seals: Seals | None = None,
        bus: Bus | None = None,
        is_live: Callable[[], Awaitable[bool]] | None = None,
        choices: Sequence[Choice] = (),
        request_id: str = "",
        resume_after: str | None = None,
    ) -> None:
        self.caller = caller
        self.edge = edge
        self._seal = seal
        self._seals = seals
        self._bus = bus
        self._is_live = is_live
        self.choices = choices
        self.request_id = request_id
        self.resume_after = resume_after
        self.rights = Rights(caller)
        self.standings: dict[int, Standing] = {}
        self._rows: list[object] = []
        self._shared: dict[Hashable, Standing] = {}
        self.declared: Right | None = None
        self.arguments: Mapping[str, Any] = {}
        self._wanted: set[Reference] = set()
        self._preparing: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._reader: asyncio.Task[Any] | None = None
        self._view = AsyncExitStack()
        self._db: AsyncSession | None = None
        self._is_over = False

    @property
    def signed_in(self) -> Caller:
        """The caller, behind a guard that lets nobody else through."""
        if self.caller is None:
            raise NotSignedIn("This place was reached without a guard.")
        return self.caller

    @property
    def seal(self) -> Seal:
        """What makes and reads cursors."""
        if self._seal is None:
            raise NotGiven("This context was opened without a key for cursors.")
        return self._seal

    @property
    def seals(self) -> Seals:
        """What keeps the secrets of connections readable for us alone."""
        if self._seals is None:
            raise NotGiven("This context was opened without keys for secrets.")
        return self._seals

    @property
    def bus(self) -> Bus:
        """Where journals are followed."""
        if self._bus is None:
            raise NotGiven("This context was opened without a bus.")
        return self._bus

    async def is_live(self) -> bool:
        """Whether whoever opened this operation would still be let in now."""
        return self._is_live is None or await self._is_live()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """The operation's view of the database, for one answerer at a time. Raises IsOver."""
        self._refuse_nesting()
        async with self._one_at_a_time:
            if self._is_over:
                raise IsOver("This operation has been answered.")
            self._reader = asyncio.current_task()
            try:
                if self._db is None:
                    self._db = await self._view.enter_async_context(self.edge.read())
                yield self._db
            except (SQLAlchemyError, asyncio.CancelledError) as broken:
                self._db = None
                await self._view.__aexit__(type(broken), broken, broken.__traceback__)
                raise
            finally:
                self._reader = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One writing transaction. After its commit everything is read, and asked, anew.

        Raises NeverAsked, and stores nothing, if the operation did not ask for what the field of
        the mutation declares.
        """
        self._refuse_nesting()
        async with self.edge.transaction() as db:
            yield db
            self._refuse_unasked(db)
        await self.renew()

    async def load(self, question: Question[K, V], key: K) -> V:
        """The answer for one key; asked together with all others wanted at the same time."""
        self._refuse_nesting()
        answer: V = await self._loader(question).load(key)
        return answer

    def standing_to(self, row: object) -> Standing:
        """How the caller stands to what this row is about, worked out once for all its fields.
        Keeping the row keeps its id."""
        known = self.standings.get(id(row))
        if known is None:
            reference = scope, number, facts = reference_to(row, self.signed_in)
            key = scope.value, number, facts
            known = self._shared.get(key)
            if known is None:
                known = self._shared[key] = Standing(reference)
            self.standings[id(row)] = known
            self._rows.append(row)
        return known

    async def prepare(self, references: Iterable[Reference]) -> None:
        """Read the rights on these things, in one statement with all that is waited for.

        Whoever wants nothing waits along with those who do: what they go on to ask is then asked
        together, however the rows lie whose rights are known already.
        """
        self._refuse_nesting()
        self._wanted.update(references)
        if not self._wanted and self._preparing is None:
            await asyncio.sleep(0)
            if self._preparing is None:
                return
        if self._preparing is None:
            self._preparing = asyncio.ensure_future(self._prepare_wanted())
            self._under_way.add(self._preparing)
            self._preparing.add_done_callback(self._under_way.discard)
        await asyncio.shield(self._preparing)

    async def _prepare_wanted(self) -> None:
        """Begins in the next turn of the loop, and takes what is wanted when the turn to read has
        come; what is wanted from then on is the next one's."""
        try:
            if self._wanted:
                async with self.read() as db:
                    self._preparing = None
                    wanted, self._wanted = self._wanted, set()
                    await self.prepare_in(db, wanted)
        finally:
            if self._preparing is asyncio.current_task():
                self._preparing = None

    async def prepare_in(self, db: AsyncSession, references: Collection[Reference]) -> None:
        """The same, for an answerer that is reading already."""
        await self.rights.prepare(
            db,
            courses=[each.id for each in references if each.scope is Scope.COURSE],
            departments=[each.id for each in references if each.scope is Scope.DEPARTMENT],
            modules=[each.id for each in references if each.scope is Scope.MODULE],
        )

    async def renew(self) -> None:
        """Forget what was read: something has been written, or time has passed in a stream."""
        async with self._one_at_a_time:
            await self._leave()
            self.rights = Rights(self.caller)
            self.standings.clear()
            self._rows.clear()
            self._shared.clear()
            self._loaders.clear()

    async def look_again(self) -> None:
        """Forget the rows that were read, but not the rights."""
        async with self._one_at_a_time:
            await self._leave()
            self._loaders.clear()

    def know(self, question: Question[K, V], answers: Mapping[K, V]) -> None:
        """Take these answers for given; `load` will not ask for them."""
        self._loader(question).prime_many(answers)

    async def rest(self) -> None:
        """Give the connection back for now, without waiting for what nobody waits for any more."""
        for task in tuple(self._under_way):
            task.cancel()
        async with self._one_at_a_time:
            await self._leave()

    async def close(self) -> None:
        """Give the connection back for good: whoever has not come to read by now never will."""
        self._is_over = True
        await self.rest()

    async def _leave(self) -> None:
        self._db = None
        await self._view.aclose()

    def _loader(self, question: Question[K, V]) -> DataLoader[K, V]:
        loader = self._loaders.get(question)
        if loader is None:
            loader = self._loaders[question] = DataLoader(load_fn=self._asking(question))
        return loader

    def _asking(
        self, question: Question[K, V]
    ) -> Callable[[list[K]], Awaitable[Sequence[V | BaseException]]]:
        async def ask(keys: list[K]) -> Sequence[V | BaseException]:
            async with self.read() as db:
                return await question(db, self, keys)

        return ask

    def _refuse_unasked(self, db: AsyncSession) -> None:
        """What a field declares and what its operation asked for must not drift apart."""
        if self.declared is None or self.declared.asked is not Asked.OPERATION:
            return
        if self.declared.allows_self:
            return
        asked = asked_in(db)
        if journal.has_recorded(db) and not any(
            asked.issuperset(group) for group in self.declared.any_of
        ):
            raise NeverAsked(
                f"The operation asked for {sorted(asked)}, and its field says: "
                f"{self.declared.sentence}"
            )

    def _refuse_nesting(self) -> None:
        if self._reader is not None and self._reader is asyncio.current_task():
            raise ReadsDoNotNest("Leave `read()` before waiting for a loader or another read.")


@asynccontextmanager
async def opened(context: Context) -> AsyncIterator[Context]:
    """The context, closed when the operation is over."""
    try:
        yield context
    finally:
        await context.close()
