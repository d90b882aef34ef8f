"""Whether the proof notices that a guard is gone: in this process, and nothing is ever stored."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission
from models import journal
from operations.edge import Committed, Edge
from schema.schema import schema
from tests.proof import guards
from tests.proof.asking_here import Here
from tests.proof.fields import Fields
from tests.proof.guards import FILTER, GATE, QUESTION, Guard
from tests.proof.lists import Lists
from tests.proof.probes import PROBES
from tests.proof.proving import DENIED, Asked, outcome
from tests.proof.proving import questions as probed
from tests.proof.sweep import Sweep, Swept, is_denied
from tests.proof.table import PEOPLE
from tests.proof.town import Town

FEW = ("learner", "finance_manager", "dept_create", "course_enroll", "invite", "department_manager")
"""Enough to be denied everything that anybody is denied, the quickest first."""


ALONE, DOUBLED, UNNOTICED = "noticed", "doubled by another guard", "unnoticed"


class Dry(Edge):
    """An edge whose transactions are undone at their end."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self.sessions() as db, db.begin() as stored:
            yield db
            await journal.flush(db)
            await stored.rollback()
            db.info["committed"] = Committed()


class Noticing:
    """The proof for one town, piece by piece."""

    def __init__(self, town: Town) -> None:
        world = town.here.world
        world.edge = Dry(world.edge.sessions, world.edge.ring)
        self._town = town
        self._ask = Here(town)
        self._fields = Fields(schema._schema, town)
        self._lists = Lists(schema._schema, town)
        self._swept: list[Swept | Asked] = [
            *Sweep(schema._schema, town).questions(),
            *self._denied_probes(),
        ]
        self._asked_for: dict[str, set[Permission]] = defaultdict(set)
        self._asked_at: dict[str, list[Swept | Asked]] = defaultdict(list)

    def _denied_probes(self) -> Iterable[Asked]:
        every = probed([each for probes in PROBES.values() for each in probes])
        return [
            each
            for each in every
            if not each.is_allowed and each.principal in PEOPLE and not each.probe.is_stream
        ]

    async def faults(self) -> list[str]:
        """What is wrong with the product as it is; and from where each question was asked."""
        found = []
        for each in self._swept:
            lines: list[tuple[str, Permission]] = []
            with guards.watching(_noting(lines)):
                is_so, said = await self._is_denied(each)
            if not is_so:
                found.append(f"{each.name}: {said}")
            for line, permission in dict.fromkeys(lines):
                self._asked_at[line].append(each)
                self._asked_for[line].add(permission)
        return found

    async def _is_denied(self, each: Swept | Asked) -> tuple[bool, str]:
        if isinstance(each, Swept):
            return await is_denied(self._ask, each)
        given = each.probe.given(self._town, each.principal, each.case)
        named = {name: given[name] for name in given if f"${name}:" in each.probe.document}
        answer = await self._ask(each.principal, each.probe.document, named, False)
        return outcome(each.probe, answer, given) == DENIED, str(answer)

    async def notices(self, guard: Guard) -> str:
        """ALONE when something fails without this guard; DOUBLED when another one stands behind
        it, and something fails without both; else UNNOTICED."""
        if await self._fails_without(guard):
            return ALONE
        for others in self._behind(guard):
            if others and await self._fails_without(guard, *others):
                return DOUBLED
        return UNNOTICED

    def _behind(self, guard: Guard) -> Iterator[list[Guard]]:
        """What else may ask for the same: gates, filters, other questions of the same requests."""
        asked_for = guard.asks_for or self._asked_for[guard.name]
        every = [each for each in guards.all_guards() if each != guard]
        gates = [each for each in every if each.asks_for & asked_for]
        filters = [each for each in every if each.kind == FILTER]
        asked = [
            each
            for each in every
            if each.kind == QUESTION and self._asked_for[each.name] & asked_for
        ]
        yield from (gates, filters, asked, [*gates, *filters, *asked])

    async def _fails_without(self, *gone: Guard) -> bool:
        guard = gone[0]
        with guards.without(*gone):
            if guard.kind == GATE:
                return await self._in_fields(guard.name)
            if guard.kind == FILTER:
                return await self._in_lists() or await self._in_questions(self._swept[::7])
            return await self._in_questions(self._asked_at[guard.name])

    async def _in_fields(self, name: str) -> bool:
        """In the documents that show the field, the narrowest first."""
        alias = name.replace(".", "_", 1)
        showing = sorted(
            (text.count("{"), document)
            for document, text in self._fields.documents.items()
            if alias in text or f"on {alias} " in text
        )
        for _, document in showing:
            if (await self._fields.compare(self._ask, FEW, [document])).faults:
                return True
        return False

    async def _in_lists(self) -> bool:
        return bool((await self._lists.compare(self._ask, FEW)).faults)

    async def _in_questions(self, asked: list[Swept | Asked]) -> bool:
        for each in asked:
            is_so, _ = await self._is_denied(each)
            if not is_so:
                return True
        return False


def _noting(lines: list[tuple[str, Permission]]) -> guards.Seen:
    """Lets nothing through, and remembers who asked."""

    def note(line: str, permission: Permission) -> bool:
        lines.append((line, permission))
        return False

    return note
