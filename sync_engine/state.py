"""The compiled rules of every workspace, kept by each process and brought up to date by epoch.

Whoever changes a segment raises the workspace's epoch in the same transaction and holds its row
until commit. So an epoch that can be read means that every change up to it can be read too, and
reading the segments above the epoch already seen is enough.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

import orjson
import psycopg
from sqlalchemy import Engine

from models.segments import SegmentKind, SegmentState
from sync_engine.layers import Layers, Settle
from sync_engine.rules import (
    OF_PEOPLE,
    Attribute,
    AttributeType,
    Catalog,
    Facts,
    InvalidRule,
    Owner,
    Rule,
    attributes_used,
    from_document,
    offsets,
)

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

Answer = TypeVar("Answer")

OnCommit: TypeAlias = Callable[[int, int], None]
"""Called with (workspace id, journal head) after a commit that wrote to the journal."""

SEGMENTS_SINCE: Final = """
SELECT id, kind, state, epoch, deleted_at IS NOT NULL, rule::text
  FROM segment
 WHERE workspace_id = %(workspace_id)s AND epoch > %(epoch)s
   AND (deleted_at IS NULL OR %(epoch)s > 0)
 ORDER BY id
"""

CATALOG: Final = """
SELECT name, type, owner FROM attribute_definition WHERE workspace_id = %(workspace_id)s
"""

WORKSPACES: Final = "SELECT workspace_id, epoch FROM engine_state ORDER BY workspace_id"


def quietly(workspace_id: int, head: int) -> None:
    """Tell nobody about a commit; the sweeper and the tail's poll find it by themselves."""


@contextlib.contextmanager
def connection_to(engine: Engine) -> Iterator[Connection]:
    """The driver's own connection out of SQLAlchemy's pool, at READ COMMITTED.

    Whatever was not committed is rolled back when it is given back.
    """
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as pooled:
        driver = pooled.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise TypeError(f"The engine speaks through psycopg, not through {type(driver)}.")
        yield driver


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that cannot be evaluated, as it stood at `epoch`, and why."""

    workspace_id: int
    segment_id: int
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What one version of a workspace's rules says besides the rules themselves."""

    version: int
    catalog: Catalog
    static: frozenset[int]
    frozen: frozenset[int]
    is_flat: bool = True
    """No rule asks about the people of another segment."""
    asks_above: bool = False
    """A rule asks who is above a person."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pass over some segments works on: `segments` are these and, so that both are right at
    once, all that build on them; the people of those `beside` are read."""

    segments: frozenset[int]
    beside: frozenset[int]


@dataclass(slots=True)
class WorkspaceRules:
    """What one workspace's segments ask, at least as new as `epoch`.

    A segment that exists is either active with a rule (in `index`), `static`, or `frozen`: a
    draft, paused or broken one. Threads share this object, and one may refresh it while another
    evaluates: `steadily` gives answers that come from one version.
    """

    workspace_id: int
    catalog: Catalog
    epoch: int = 0
    version: int = 0
    index: Layers = field(default_factory=Layers)
    epochs: dict[int, int] = field(default_factory=dict)
    clocked: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    asking_above: set[int] = field(default_factory=set)
    static: frozenset[int] = frozenset()
    frozen: frozenset[int] = frozenset()
    broken: dict[int, Broken] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def matches(self, facts: Facts, today: date, settle: Settle = frozenset) -> set[int]:
        """The active rule segments a person with these facts belongs to. `settle`: what the person
        is in, given what the rules have said so far; asked where rules build on each other."""
        with self.lock:
            try:
                return self.index.matches(facts, today, settle)
            except Exception:  # noqa: BLE001 - whatever a rule does, it must not stop the others
                self._isolate(self.epochs, facts, today)
                return self.index.matches(facts, today, settle)

    def among(
        self,
        segment_ids: Collection[int],
        facts: Facts,
        today: date,
        settle: Settle = frozenset,
    ) -> set[int]:
        """The same, asked only about these segments."""
        with self.lock:
            try:
                return self.index.among(segment_ids, facts, today, settle)
            except Exception:  # noqa: BLE001 - whatever a rule does, it must not stop the others
                self._isolate(segment_ids, facts, today)
                return self.index.among(segment_ids, facts, today, settle)

    def scope(self, segment_ids: Collection[int]) -> Scope:
        """What a pass over these segments works on."""
        with self.lock:
            if self.index.is_flat:
                return Scope(frozenset(segment_ids), frozenset())
            segments = self.index.outer(segment_ids).union(segment_ids)
            return Scope(frozenset(segments), frozenset(self.index.inner(segments) - segments))

    def below(self, segment_id: int, claimed: Collection[int]) -> list[int]:
        """Those of the claimed segments that this one builds on."""
        with self.lock:
            return [each for each in claimed if segment_id in self.index.outer([each])]

    def following(self, segment_ids: Collection[int]) -> set[int]:
        """Those of the segments that are active and follow a rule."""
        with self.lock:
            return self.epochs.keys() & segment_ids

    def asked_by(self, segment_ids: Collection[int], catalog: Catalog) -> Catalog:
        """Those attributes of the catalog that the rules of these segments ask about."""
        with self.lock:
            rules = [rule for id in segment_ids if (rule := self.index.rule(id)) is not None]
        names = set[str]().union(*map(attributes_used, rules))
        return {name: catalog[name] for name in sorted(names & catalog.keys())}

    def steadily(self, evaluate: Callable[[Frame], Answer]) -> Answer:
        """What `evaluate` answers, asked again when another thread changed the rules meanwhile."""
        while True:
            with self.lock:
                frame = Frame(
                    self.version,
                    self.catalog,
                    self.static,
                    self.frozen,
                    is_flat=self.index.is_flat,
                    asks_above=bool(self.asking_above),
                )
            answer = evaluate(frame)
            with self.lock:
                if self.version == frame.version:
                    return answer

    def offsets(self) -> set[tuple[str, str]]:
        """Each (attribute, offset from the clock) that an active rule compares."""
        with self.lock:
            return set[tuple[str, str]]().union(*self.clocked.values())

    def apply(self, rows: Iterable[tuple[Any, ...]], catalog: Catalog, epoch: int) -> None:
        """Take over changed segments: rows of SEGMENTS_SINCE, complete up to `epoch`."""
        with self.lock:
            self.version += 1
            self.catalog = catalog
            static, frozen = set(self.static), set(self.frozen)
            followed: dict[int, Rule] = {}
            for segment_id, kind, state, changed_at, is_deleted, document in rows:
                static.discard(segment_id)
                frozen.discard(segment_id)
                self._forget(segment_id)
                if is_deleted:
                    continue
                if state != SegmentState.ACTIVE:
                    frozen.add(segment_id)
                elif kind == SegmentKind.STATIC:
                    static.add(segment_id)
                elif rule := self._read(segment_id, changed_at, document):
                    self.epochs[segment_id] = changed_at
                    followed[segment_id] = rule
            self._follow(followed)
            self.static, self.frozen = frozenset(static), frozenset(frozen) | self.broken.keys()
            self.epoch = max(self.epoch, epoch)

    def _forget(self, segment_id: int) -> None:
        self.broken.pop(segment_id, None)
        self.clocked.pop(segment_id, None)
        self.asking_above.discard(segment_id)
        self.epochs.pop(segment_id, None)
        self.index.remove(segment_id)

    def _read(self, segment_id: int, epoch: int, document: str) -> Rule | None:
        try:
            return from_document(orjson.loads(document), self.catalog)
        except Exception as problem:  # noqa: BLE001 - one bad rule must not take the workers down
            self._break(segment_id, epoch, problem)
            return None

    def _follow(self, rules: Mapping[int, Rule]) -> None:
        """Index these rules: all at once into an empty index, which chooses its paths best."""
        for segment_id, rule in rules.items():
            if compared := offsets(rule):
                self.clocked[segment_id] = compared
            if not OF_PEOPLE.isdisjoint(attributes_used(rule)):
                self.asking_above.add(segment_id)
        if not len(self.index):
            with contextlib.suppress(Exception):
                self.index = Layers.build(rules)
                return
        for segment_id, rule in rules.items():
            try:
                self.index.put(segment_id, rule)
            except Exception as problem:  # noqa: BLE001 - one bad rule, as above
                epoch = self.epochs[segment_id]
                self._forget(segment_id)
                self._break(segment_id, epoch, problem)

    def _isolate(self, segment_ids: Collection[int], facts: Facts, today: date) -> None:
        """Break exactly the rules that raise for this person."""
        for segment_id in sorted(self.epochs.keys() & segment_ids):
            try:
                self.index.among((segment_id,), facts, today)
            except Exception as problem:  # noqa: BLE001 - the rule that raises is the one to break
                epoch = self.epochs[segment_id]
                self._forget(segment_id)
                self._break(segment_id, epoch, problem)
        self.frozen |= self.broken.keys()
        self.version += 1

    def _break(self, segment_id: int, epoch: int, problem: Exception) -> None:
        if isinstance(problem, InvalidRule):
            reason = " ".join(each.message for each in problem.problems)
        else:
            reason = f"The rule cannot be evaluated: {type(problem).__name__}: {problem}"
        self.broken[segment_id] = Broken(self.workspace_id, segment_id, epoch, reason[:2000])


class Rules:
    """The compiled rules of all workspaces. One per process, shared by its threads.

    `turns` says which workspace was worked for last, in each lane: another one comes next.
    """

    def __init__(self) -> None:
        self._workspaces: dict[int, WorkspaceRules] = {}
        self._loading: dict[int, threading.Lock] = {}
        self._guard = threading.Lock()
        self._touched: dict[int, None] = {}
        self.turns: defaultdict[str, int] = defaultdict(int)

    def of(self, db: Connection, workspace_id: int, epoch: int) -> WorkspaceRules:
        """The rules of a workspace, at least as new as an epoch that `db` has read."""
        with self._guard:
            loading = self._loading.setdefault(workspace_id, threading.Lock())
        with loading:
            known = self._workspaces.get(workspace_id)
            if known is None or known.epoch < epoch:
                known = self._workspaces[workspace_id] = load(db, workspace_id, epoch, known)
            return known

    def known(self, workspace_id: int) -> WorkspaceRules | None:
        """The rules of a workspace as this process has them, however old."""
        with self._guard:
            return self._workspaces.get(workspace_id)

    def warm(self, engine: Engine) -> int:
        """Load every workspace now, so that the first change does not wait; how many rules."""
        with connection_to(engine) as db:
            states = db.execute(WORKSPACES).fetchall()
            return sum(len(self.of(db, *state).epochs) for state in states)

    def broken(self) -> list[Broken]:
        """Rules found broken, of which the database may not know yet."""
        with self._guard:
            workspaces = list(self._workspaces.values())
        return [each for rules in workspaces for each in list(rules.broken.values())]

    def touch(self, segment_ids: Iterable[int]) -> None:
        """Remember that these segments' member counts have changed."""
        with self._guard:
            self._touched.update(dict.fromkeys(segment_ids))

    def take_touched(self, at_most: int) -> list[int]:
        """Segments to count again, those first that have waited longest; they are forgotten
        here."""
        with self._guard:
            taken = list(islice(self._touched, at_most))
            for each in taken:
                del self._touched[each]
        return taken


def load(
    db: Connection, workspace_id: int, epoch: int, known: WorkspaceRules | None
) -> WorkspaceRules:
    """What changed since `known`, or everything when there is nothing to build on.

    The catalog is read after the segments: a rule never meets a catalog older than itself. When
    an attribute that rules may use has changed or gone, every rule is compiled anew.
    """
    since = {"workspace_id": workspace_id, "epoch": 0 if known is None else known.epoch}
    rows = db.execute(SEGMENTS_SINCE, since).fetchall()
    catalog = _catalog(db, workspace_id)
    if known is None or not known.catalog.items() <= catalog.items():
        if known is not None:
            rows = db.execute(SEGMENTS_SINCE, {**since, "epoch": 0}).fetchall()
        known = WorkspaceRules(workspace_id, catalog)
    known.apply(rows, catalog, epoch)
    return known


def _catalog(db: Connection, workspace_id: int) -> Catalog:
    rows = db.execute(CATALOG, {"workspace_id": workspace_id})
    return {name: Attribute(name, AttributeType(type), Owner(owner)) for name, type, owner in rows}
