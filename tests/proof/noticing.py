"""Whether the proof notices that a guard is gone: in this process, and nothing is ever stored."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission
from models import journal
from operations.edge import Committed, Edge
from schema.schema import schema
from tests.proof import guards
from tests.proof.asking_here import Here
from tests.proof.fields import Compared, Fields
from tests.proof.guards import FILTER, QUESTION, Guard
from tests.proof.lists import Lists
from tests.proof.probes import PROBES
from tests.proof.proving import DENIED, Asked, outcome
from tests.proof.proving import questions as probed
from tests.proof.sweep import Sweep, Swept, is_denied
from tests.proof.town import Town

WHOLE = 3
"""A document with so many fields of a type shows it, and does not only name it."""

FEW = ("learner", "finance_manager", "dept_create", "department_manager", "invite")
"""Enough to be denied every field that anybody is denied."""

PROBING = (*FEW, "course_teach", "coordinator_direct")
"""Whose denied probes are asked again without a guard; over HTTP everybody asks all of them."""

ALL_SEEING = "workspace_manager"
"""Gets past every question, and so shows those that lie behind others."""


@dataclass(frozen=True)
class Read:
    """One grown document, read by one principal."""

    who: str
    document: str

    @property
    def name(self) -> str:
        return f"{self.who} reading {self.document}"


Question = Swept | Asked | Read


ALONE, DOUBLED, UNNOTICED = "noticed", "doubled by another guard", "unnoticed"


ENOUGH = 4
"""So many of the documents in which a gate was seen to deny are looked at again."""


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
        sweep = Sweep(schema._schema, town)
        self._denied: list[Question] = [*sweep.questions(), *sweep.beside()]
        self._probes: list[Question] = _each_kind_first(self._denied_probes())
        self._reads: list[Question] = [
            Read(who, name) for who in (*FEW, ALL_SEEING) for name in self._fields.documents
        ]
        self._looked_at: set[object] = set()
        self._seen = Compared()
        self._asked_for: dict[str, set[Permission]] = defaultdict(set)
        self._asked_at: dict[str, list[Question]] = defaultdict(list)

    def _denied_probes(self) -> Iterable[Asked]:
        every = probed([each for probes in PROBES.values() for each in probes])
        return [
            each
            for each in every
            if not each.is_allowed and each.principal in PROBING and not each.probe.is_stream
        ]

    async def faults(self) -> list[str]:
        """What is wrong with the product as it is; and from where each question was asked."""
        return await self._look_at([*self._denied, *self._probes, *self._reads])

    async def _look_at(self, questions: Iterable[Question]) -> list[str]:
        """Those that have not been looked at; what is wrong with them."""
        found = []
        for each in questions:
            key: object = each if isinstance(each, Read) else id(each)
            if key in self._looked_at:
                continue
            self._looked_at.add(key)
            lines: list[tuple[str, Permission]] = []
            with guards.watching(_noting(lines)):
                is_so, said = await self._is_right(each)
            if not is_so:
                found.append(f"{each.name}: {said}")
            for line, permission in dict.fromkeys(lines):
                self._asked_at[line].append(each)
                self._asked_for[line].add(permission)
        return found

    async def _is_right(self, each: Question) -> tuple[bool, str]:
        """Whether what should be denied is, and only that."""
        if isinstance(each, Swept):
            return await is_denied(self._ask, each)
        if isinstance(each, Read):
            compared = await self._fields.compare(self._ask, [each.who], lambda _: [each.document])
            for coordinate, where in compared.denied.items():
                self._seen.denied[coordinate] += where
            return not compared.faults, str(compared.faults[:1])
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
        behind = [self._about(each) for each in gone[1:] if each.kind == QUESTION]
        questions = self._about(gone[0])
        for some in behind:
            reads: list[Question] = [
                each for each in some if isinstance(each, Read) and each.who in FEW
            ]
            questions = questions + some[:ENOUGH] + reads[:ENOUGH]
        with guards.without(*gone):
            if gone[0].kind == FILTER and await self._in_lists():
                return True
            for each in questions:
                if not (await self._is_right(each))[0]:
                    return True
        return False

    def _about(self, guard: Guard) -> list[Question]:
        """The questions that may notice: those in which the guard was seen at work."""
        if guard.kind == QUESTION:
            return self._asked_at[guard.name]
        if guard.kind == FILTER:
            return [*self._denied, *self._probes][::7]
        denied: list[Question] = [Read(*each) for each in self._seen.denied[guard.name][:ENOUGH]]
        root, _, name = guard.name.partition(".")
        asked: list[Question] = [
            each
            for each in self._denied
            if root == "Query" and isinstance(each, Swept) and each.operation == name
        ]
        return denied + asked or self._showing(guard.name)

    def _showing(self, name: str) -> list[Question]:
        """The narrowest documents that show it, where nobody was ever denied it."""
        alias = name.replace(".", "_", 1)
        showing = sorted(
            (each.text.count(f"{alias}_") < WHOLE, each.text.count("{"), document)
            for document, each in self._fields.documents.items()
            if f"{alias}_" in each.text or f"{alias}:" in each.text
        )
        return [Read(who, document) for *_, document in showing[:ENOUGH] for who in FEW]

    async def _in_lists(self) -> bool:
        return bool((await self._lists.compare(self._ask, FEW)).faults)


def _each_kind_first(asked: Iterable[Asked]) -> list[Question]:
    """The first of every probe, then the second of every probe, and so on."""
    turns: Counter[str] = Counter()
    placed: list[tuple[int, Asked]] = []
    for each in asked:
        turns[each.probe.name] += 1
        placed.append((turns[each.probe.name], each))
    return [each for _, each in sorted(placed, key=itemgetter(0))]


def _noting(lines: list[tuple[str, Permission]]) -> guards.Seen:
    """Lets nothing through, and remembers who asked."""

    def note(line: str, permission: Permission) -> bool:
        lines.append((line, permission))
        return False

    return note
