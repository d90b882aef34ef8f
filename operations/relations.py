"""What rules ask of segments and people: whom they may name, and what builds on what."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Integer, Text, any_, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.base import Json
from models.people import Member
from models.segments import Segment
from operations.refusals import Code, Refused
from sync_engine.layers import MOST_STEPS
from sync_engine.rules import Mentioned, ProblemCode, Related, mentioned
from sync_engine.rules.parsing import Parser
from sync_engine.rules.relations import LARGEST_SEGMENT

_WORDS: Final = ("memberof", "reports")
"""Without one of them a text speaks of nobody."""

HOLD_RULES: Final = text("""
SELECT FROM engine_state WHERE workspace_id = :workspace_id FOR NO KEY UPDATE
""")

BUILT_ON: Final = text("""
SELECT id, name, builds_on FROM segment
 WHERE workspace_id = :workspace_id AND deleted_at IS NULL AND builds_on <> '[]'
UNION ALL
SELECT id, name, '[]' FROM segment WHERE workspace_id = :workspace_id AND id = :segment_id
 ORDER BY id
""")
"""What segments build on; and what one, which may build on nothing, is called."""


def mentioned_in(rule: str | Json) -> Mentioned:
    """The segments and people a text or a document speaks of."""
    if isinstance(rule, str):
        is_flat = not any(each in rule.lower() for each in _WORDS)
        return Mentioned() if is_flat else mentioned(Parser(rule).rule()[0])
    return mentioned(rule)


async def hold_rules(db: AsyncSession, workspace_id: int) -> None:
    """Let nobody else change what builds on what, until commit. The next statement sees whatever
    others have."""
    await db.execute(HOLD_RULES, {"workspace_id": workspace_id})


async def related_to(
    db: AsyncSession, workspace_id: int, *rules: str | Json, segment_id: int | None = None
) -> Related:
    """Whom rules may name, when they are those of a segment (None: of a new one)."""
    said = together(map(mentioned_in, rules))
    names = await names_of(db, workspace_id, said)
    if not names.segments:
        return names
    graph = await _graph(db, workspace_id, segment_id)
    refused = {
        id: found
        for id in names.segments
        if (found := graph.refusal(id, segment_id, names.segments[id])) is not None
    }
    return Related(names.segments, names.people, refused)


async def names_of(
    db: AsyncSession, workspace_id: int, said: Mentioned, *, is_strict: bool = True
) -> Related:
    """What those are called who are mentioned, by id or by name; at most two statements."""
    segments: dict[int, str] = {}
    people: dict[int, str] = {}
    if said.segments or said.segment_names:
        segments = await _names(db, workspace_id, Segment, said.segments, said.segment_names)
    if said.people or said.people_names:
        people = await _names(db, workspace_id, Member, said.people, said.people_names)
    return Related(segments, people, is_strict=is_strict)


async def _names(
    db: AsyncSession,
    workspace_id: int,
    kind: type[Segment] | type[Member],
    ids: Collection[int],
    names: Collection[str],
) -> dict[int, str]:
    is_segment = kind is Segment
    name = Segment.name if is_segment else Member.user_name
    numbers = sorted(id for id in ids if not is_segment or id <= LARGEST_SEGMENT)
    number = literal(numbers, ARRAY(Integer if is_segment else BigInteger))
    rows = await db.execute(
        select(kind.id, name).where(
            kind.workspace_id == workspace_id,
            kind.deleted_at.is_(None),
            or_(
                kind.id == any_(number),
                func.lower(name) == any_(literal(sorted(names), ARRAY(Text))),
            ),
        )
    )
    return {row[0]: row[1] for row in rows}


def together(found: Iterable[Mentioned]) -> Mentioned:
    """What several rules mention."""
    each = list(found)
    return Mentioned(
        frozenset[int]().union(*(one.segments for one in each)),
        frozenset[str]().union(*(one.segment_names for one in each)),
        frozenset[int]().union(*(one.people for one in each)),
        frozenset[str]().union(*(one.people_names for one in each)),
    )


@dataclass(frozen=True, slots=True)
class Graph:
    """What the segments of a workspace build on, and what those are called that do."""

    inner: Mapping[int, Collection[int]]
    names: Mapping[int, str]

    def refusal(
        self, inner_id: int, segment_id: int | None, name: str
    ) -> tuple[ProblemCode, str] | None:
        """Why a segment may not build on another; None where it may."""
        path = None if segment_id is None else self.path(inner_id, segment_id)
        if path is not None and segment_id is not None:
            called = [self.names.get(each, name) for each in (segment_id, *path)]
            told = " → ".join(f"“{each}”" for each in called)
            return ProblemCode.CIRCULAR, f"segments would build on each other in a circle: {told}"
        steps = self.steps_below(inner_id) + 1 + self.steps_above(segment_id)
        if steps > MOST_STEPS:
            told = f"with “{name}” segments would build on each other in {steps} steps"
            return ProblemCode.TOO_MANY_STEPS, f"{told}; {MOST_STEPS} are allowed"
        return None

    def path(self, start: int, end: int) -> list[int] | None:
        """From a segment down to another it builds on, in whatever steps; both included."""
        waiting = [[start]]
        seen = {start}
        for path in waiting:
            if path[-1] == end:
                return path
            for each in self.inner.get(path[-1], ()):
                if each not in seen:
                    seen.add(each)
                    waiting.append([*path, each])
        return None

    def steps_below(self, segment_id: int) -> int:
        return max((1 + self.steps_below(id) for id in self.inner.get(segment_id, ())), default=0)

    def steps_above(self, segment_id: int | None) -> int:
        above = [id for id, inner in self.inner.items() if segment_id in inner]
        return max((1 + self.steps_above(id) for id in above), default=0)


async def _graph(db: AsyncSession, workspace_id: int, segment_id: int | None = None) -> Graph:
    asked = {"workspace_id": workspace_id, "segment_id": segment_id or 0}
    rows = (await db.execute(BUILT_ON, asked)).all()
    inner = {row.id: row.builds_on for row in rows if row.builds_on}
    return Graph(inner, {row.id: row.name for row in rows})


async def inner_of_all(db: AsyncSession, workspace_id: int) -> dict[int, frozenset[int]]:
    """What each segment builds on, of those that build on any."""
    graph = await _graph(db, workspace_id)
    return {id: frozenset(inner) for id, inner in graph.inner.items()}


async def below(
    db: AsyncSession, workspace_id: int, segment_ids: Collection[int]
) -> dict[int, list[int]]:
    """The segments whose people the rule of each of these asks about."""
    graph = await _graph(db, workspace_id)
    return {id: sorted(set(graph.inner.get(id, ()))) for id in segment_ids}


async def above(
    db: AsyncSession, workspace_id: int, segment_ids: Collection[int]
) -> dict[int, list[int]]:
    """The segments whose rules ask about the people of each of these."""
    graph = await _graph(db, workspace_id)
    return {
        id: [outer for outer, inner in graph.inner.items() if id in inner] for id in segment_ids
    }


async def refuse_if_built_on(db: AsyncSession, segment: Segment) -> None:
    """SEGMENT_IN_USE, naming the segments whose rules ask about the people of this one; and until
    commit none will."""
    await hold_rules(db, segment.workspace_id)
    await refuse_built_on(db, segment)


async def refuse_built_on(db: AsyncSession, segment: Segment) -> None:
    """The same as it is just now."""
    graph = await _graph(db, segment.workspace_id)
    found = [
        {"id": id, "name": graph.names[id]}
        for id, inner in graph.inner.items()
        if segment.id in inner
    ]
    if found:
        raise Refused(
            Code.SEGMENT_IN_USE,
            f"{len(found)} segment(s) build on “{segment.name}”, such as “{found[0]['name']}”;"
            " edit their rules first.",
            {"segments": found},
        )
