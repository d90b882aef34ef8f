"""What is odd about a segment's rule: by itself, beside the people there are, and beside the other
segments (S16). It writes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.base import Json
from models.segments import Segment
from operations import people
from operations.refusals import Code, Refused, not_found
from operations.relations import related_to
from operations.rights import require
from operations.segment_rules import read
from sync_engine.rules import (
    OF_PEOPLE,
    RELATIONS,
    AttributeType,
    Catalog,
    Comparison,
    InvalidRule,
    Lint,
    Linted,
    Listing,
    Related,
    attributes_used,
    from_document,
    lint_rule,
    lint_text,
    to_document,
)
from sync_engine.rules.forms import Form, form_of
from sync_engine.rules.nodes import Literal, leaves, operator_of
from sync_engine.rules.normal import Equalities, conjunctions, equalities
from sync_engine.rules.problems import shown

GROUPS: Final = "groups"
"""The list that is not among the facts: the directory groups people are in."""

MOST_COMPARED: Final = 5
"""Segments whose people are compared one by one: of those that may hold all, the smallest."""

_BESIDE: Final = frozenset({GROUPS, *RELATIONS})
"""Lists that are not among the facts."""

_NAMING: Final = frozenset({Comparison.EQ, Comparison.NE, Comparison.HAS, *Listing})
"""Operators that name whole values."""

COUNTS: Final = text("""
WITH asked AS (
    SELECT attribute, value
      FROM unnest(CAST(:attributes AS text[]), CAST(:values AS text[])) AS a(attribute, value)
), people AS (
    SELECT id, facts FROM member
     WHERE workspace_id = :workspace_id AND deleted_at IS NULL AND state <> 'DEACTIVATED'
)
SELECT NULL AS attribute, NULL AS value, count(*) AS people FROM people
UNION ALL
SELECT n.name, a.value, count(*)
  FROM people p CROSS JOIN unnest(CAST(:single AS text[])) AS n(name)
  LEFT JOIN asked a ON a.attribute = n.name AND a.value = p.facts ->> n.name
 WHERE jsonb_exists(p.facts, n.name)
 GROUP BY n.name, a.value
UNION ALL
SELECT n.name, NULL, count(*)
  FROM people p CROSS JOIN unnest(CAST(:lists AS text[])) AS n(name)
 WHERE jsonb_exists(p.facts, n.name)
 GROUP BY n.name
UNION ALL
SELECT 'memberOf', a.value, count(DISTINCT p.id)
  FROM asked a
  JOIN membership m ON m.until IS NULL AND m.segment_id
     = CASE a.attribute WHEN 'memberOf' THEN CAST(a.value AS integer) END
  JOIN people p ON p.id = m.member_id
 WHERE a.attribute = 'memberOf'
 GROUP BY a.value
UNION ALL
SELECT a.attribute, a.value, count(*)
  FROM people p
  JOIN asked a ON a.attribute = ANY(CAST(:lists AS text[]))
              AND jsonb_exists(p.facts -> a.attribute, a.value)
 GROUP BY a.attribute, a.value
UNION ALL
SELECT 'groups', NULL, count(DISTINCT d.member_id)
  FROM people p JOIN directory_group_member d ON d.member_id = p.id
 WHERE :asks_groups
UNION ALL
SELECT 'groups', a.value, count(DISTINCT d.member_id)
  FROM asked a
  JOIN directory_group g ON g.workspace_id = :workspace_id AND g.folded_name = a.value
  JOIN directory_group_member d ON d.group_id = g.id
  JOIN people p ON p.id = d.member_id
 WHERE a.attribute = 'groups'
 GROUP BY a.value
""")

OTHERS: Final = text("""
SELECT id, name, rule FROM segment
 WHERE workspace_id = :workspace_id AND deleted_at IS NULL AND kind = 'RULE' AND id <> :segment_id
 ORDER BY lower(name), id
""")

AROUND: Final = text("""
WITH a_few AS (
    SELECT member_id FROM membership WHERE segment_id = :segment_id AND until IS NULL
     ORDER BY member_id LIMIT 64
), likely AS MATERIALIZED (
    SELECT s.id, s.name
      FROM membership m JOIN a_few USING (member_id)
      JOIN segment s ON s.id = m.segment_id AND s.deleted_at IS NULL
     WHERE m.until IS NULL AND s.id <> :segment_id AND s.workspace_id = :workspace_id
     GROUP BY s.id
    HAVING count(*) = (SELECT count(*) FROM a_few)
     ORDER BY s.member_count, s.id LIMIT :most
), mine AS MATERIALIZED (
    SELECT member_id FROM membership WHERE segment_id = :segment_id AND until IS NULL
)
SELECT l.id, l.name, count(*) = count(m.member_id) AS is_same
  FROM likely l
  JOIN membership o ON o.segment_id = l.id AND o.until IS NULL
  LEFT JOIN mine m ON m.member_id = o.member_id
 GROUP BY l.id, l.name
HAVING count(m.member_id) = (SELECT count(*) FROM mine)
 ORDER BY lower(l.name), l.id
""")


class SegmentLintKind(StrEnum):
    """What somebody who writes a rule is warned about."""

    NEVER_TRUE = "NEVER_TRUE"
    ALWAYS_TRUE = "ALWAYS_TRUE"
    DOUBLED = "DOUBLED"
    IMPLIED = "IMPLIED"
    UNKNOWN_VALUE = "UNKNOWN_VALUE"
    """Nobody has this value now."""
    NO_VALUES = "NO_VALUES"
    """Nobody has any value for the attribute now."""
    SAME_RULE = "SAME_RULE"
    """Another segment has this rule."""
    SAME_PEOPLE = "SAME_PEOPLE"
    """Another segment has exactly these people now."""
    WITHIN = "WITHIN"
    """Another segment has all these people, and more."""
    NOT_FOUND_BY_EQUALITY = "NOT_FOUND_BY_EQUALITY"
    """Everybody is looked at whenever something about them changes."""


@dataclass(frozen=True, slots=True)
class SegmentLint:
    """One finding: about a part of the rule, or about another segment."""

    kind: SegmentLintKind
    message: str
    path: str | None = None
    start: int | None = None
    end: int | None = None
    because: tuple[str, ...] = ()
    segment_id: int | None = None


@dataclass(frozen=True, slots=True)
class LintedSegment:
    """All findings about a rule; their places are in `text`.

    Of `people`, the most selective equalities of the rule leave `examined` to look at.
    """

    text: str
    document: Json
    findings: list[SegmentLint]
    is_never_true: bool
    is_always_true: bool
    is_complete: bool
    people: int
    examined: int


async def lint(
    db: AsyncSession,
    *,
    by: Caller,
    rule: str | Json | None = None,
    segment_id: int | None = None,
) -> LintedSegment:
    """Look at a rule (text or document), or at that of a segment. Raises INVALID_RULE."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    if (rule is None) == (segment_id is None):
        raise Refused(Code.BAD_USER_INPUT, "Give either a rule or a segment: exactly one.")
    if segment_id is not None:
        rule = await _rule_of_segment(db, by, segment_id)
    catalog = await people.catalog_of(db, by.workspace_id)
    related = await related_to(db, by.workspace_id, rule or "", segment_id=segment_id)
    if segment_id is not None:
        # Whom a stored rule names may have been deleted since: that is a finding.
        related = replace(related, is_strict=False)
    linted = _linted(rule, catalog, related)
    counts = await _counted(db, by, linted)
    found = [
        *(_of_rule(each) for each in linted.findings),
        *_of_people(linted, counts, related),
        *_of_index(linted),
        *await _of_rules(db, by, linted, catalog, segment_id),
        *(await _of_segments(db, by, segment_id) if segment_id is not None else ()),
    ]
    return LintedSegment(
        linted.text,
        to_document(linted.rule),
        found,
        linted.is_never_true,
        linted.is_always_true,
        linted.is_complete,
        people=counts.people,
        examined=_examined(linted, counts),
    )


async def _rule_of_segment(db: AsyncSession, by: Caller, segment_id: int) -> Json:
    found = await db.scalar(
        select(Segment).where(
            Segment.workspace_id == by.workspace_id,
            Segment.id == segment_id,
            Segment.deleted_at.is_(None),
        )
    )
    if found is None:
        raise not_found("segment")
    if found.rule is None:
        raise Refused(Code.SEGMENT_STATE, f"“{found.name}” names people; it has no rule.")
    return found.rule


def _linted(rule: str | Json | None, catalog: Catalog, related: Related) -> Linted:
    understood = read(rule or "", catalog, related)
    return lint_text(rule, catalog, related) if isinstance(rule, str) else lint_rule(understood)


def _of_rule(found: Lint) -> SegmentLint:
    kind = SegmentLintKind(found.kind)
    return SegmentLint(kind, found.message, found.path, found.start, found.end, found.because)


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many people have a value, and any value of an attribute."""

    people: int
    of_attribute: Mapping[str, int]
    of_value: Mapping[tuple[str, str], int]


async def _counted(db: AsyncSession, by: Caller, linted: Linted) -> _Counts:
    """One statement, which reads every person once, whatever the rule names."""
    types = {each.attribute: each.type for each in leaves(linted.rule)}
    asked = sorted({(each.leaf.attribute, stored_as_text(each.value)) for each in linted.named})
    is_list = {name: type is AttributeType.STRING_LIST for name, type in types.items()}
    rows = await db.execute(
        COUNTS,
        {
            "workspace_id": by.workspace_id,
            "attributes": [name for name, _ in asked],
            "values": [value for _, value in asked],
            "single": [name for name, is_one in is_list.items() if not is_one],
            "lists": [name for name, is_one in is_list.items() if is_one and name not in _BESIDE],
            "asks_groups": GROUPS in is_list,
        },
    )
    total, of_attribute, of_value = 0, Counter[str](), Counter[tuple[str, str]]()
    for name, value, count in rows:
        if name is None:
            total = count
        elif value is not None:
            of_value[name, value] = count
        if name is not None and (value is None or not is_list[name]):
            of_attribute[name] += count
    return _Counts(total, of_attribute, of_value)


def stored_as_text(value: Literal) -> str:
    """A value as SQL reads it out of stored facts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_people(linted: Linted, counts: _Counts, related: Related) -> Iterator[SegmentLint]:
    """Values that nobody has, and attributes nobody has any for: each where it is first named."""
    told: set[tuple[str, str | None]] = set()
    for each in linted.named:
        name, value = each.leaf.attribute, stored_as_text(each.value)
        place = (each.path, each.start, each.end)
        if name in OF_PEOPLE:
            if int(value) not in related.people:
                message = f"There is nobody of number {value} any more; nobody reports to them."
                yield SegmentLint(SegmentLintKind.UNKNOWN_VALUE, message, *place)
            continue
        is_unused = name not in RELATIONS and not counts.of_attribute.get(name)
        key = (name, None if is_unused else value)
        if key in told or operator_of(each.leaf) not in _NAMING:
            continue
        if is_unused:
            told.add(key)
            message = f"Nobody has a value for {name} now."
            yield SegmentLint(SegmentLintKind.NO_VALUES, message, *place)
        elif not counts.of_value.get((name, value)):
            told.add(key)
            message = f"Nobody’s {name} is “{shown(value)}” now."
            if name in RELATIONS:
                message = f"Nobody is in {each.said} now."
            yield SegmentLint(SegmentLintKind.UNKNOWN_VALUE, message, *place)


def _of_index(linted: Linted) -> Iterator[SegmentLint]:
    if not linted.is_found_by_equality and attributes_used(linted.rule):
        yield SegmentLint(
            SegmentLintKind.NOT_FOUND_BY_EQUALITY,
            "No equality finds its people, so everybody is looked at whenever something about them"
            " changes; add a clause such as eq, in or has if one is meant.",
            "",
            0,
            len(linted.text),
        )


def _examined(linted: Linted, counts: _Counts) -> int:
    """What the most selective equality of each alternative leaves, all alternatives together."""
    alternatives = conjunctions(linted.rule)
    if alternatives is None:
        return counts.people
    left = 0
    for alternative in alternatives:
        found = [each for each in map(equalities, alternative) if each is not None]
        left += min((_people_of(each, counts) for each in found), default=counts.people)
    return min(left, counts.people)


def _people_of(equality: Equalities, counts: _Counts) -> int:
    if equality.attribute in OF_PEOPLE:
        return counts.people
    values = (stored_as_text(value) for value in equality.values)
    return sum(counts.of_value.get((equality.attribute, value), 0) for value in values)


async def _of_rules(
    db: AsyncSession, by: Caller, linted: Linted, catalog: Catalog, segment_id: int | None
) -> list[SegmentLint]:
    """Other segments whose rule is the same, in its normal form."""
    form, used = form_of(linted.rule), attributes_used(linted.rule)
    asked = {"workspace_id": by.workspace_id, "segment_id": segment_id or 0}
    found = []
    for id, name, document in await db.execute(OTHERS, asked):
        if _names(document) == used and _form(document, catalog) == form:
            message = f"“{name}” has the same rule."
            found.append(SegmentLint(SegmentLintKind.SAME_RULE, message, segment_id=id))
    return found


def _names(document: object) -> set[str]:
    """The attributes a stored rule names: cheap, so that few rules are read whole."""
    names: set[str] = set()
    waiting = [document]
    while waiting:
        match waiting.pop():
            case {"attr": str() as name}:
                names.add(name)
            case dict() as node:
                waiting += node.values()
            case list() as members:
                waiting += members
    return names


def _form(document: Json, catalog: Catalog) -> Form | None:
    try:
        return form_of(from_document(document, catalog, draft=True))
    except InvalidRule:
        return None


async def _of_segments(db: AsyncSession, by: Caller, segment_id: int) -> list[SegmentLint]:
    """Other segments that hold all the people of this one now."""
    asked = {"workspace_id": by.workspace_id, "segment_id": segment_id, "most": MOST_COMPARED}
    found = []
    for id, name, is_same in await db.execute(AROUND, asked):
        kind = SegmentLintKind.SAME_PEOPLE if is_same else SegmentLintKind.WITHIN
        holds = "has exactly these people" if is_same else "has all these people, and more,"
        found.append(SegmentLint(kind, f"“{name}” {holds} now.", segment_id=id))
    return found
