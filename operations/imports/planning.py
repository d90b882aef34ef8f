"""What the columns of a file that is brought mean, told by their titles alone.

Titles are found in any case, whatever stands between their words, and by the other words people
use. What a title means is never guessed: one that means nothing refuses the whole file, and says
how to leave the column out.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from operations.refusals import Code, Refused
from sync_engine.rules import Catalog

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 200
_MOST_NAMED: Final = 10
_LONGEST_SHOWN: Final = 60
_LONGEST_NUMBER: Final = 19


class Field(StrEnum):
    """What a cell can say of a person beside their attributes, or of an assignment."""

    USER_NAME = "userName"
    EMAIL = "email"
    DISPLAY_NAME = "displayName"
    GIVEN_NAME = "givenName"
    FAMILY_NAME = "familyName"
    MEMBER = "member"
    GROUP = "group"
    DUE = "due"


NAMES: Final = (Field.DISPLAY_NAME, Field.GIVEN_NAME, Field.FAMILY_NAME)

WORDS: Final[Mapping[Field, tuple[str, ...]]] = {
    Field.USER_NAME: ("User name", "User", "Login", "Login name"),
    Field.EMAIL: ("E-mail", "Mail", "E-mail address", "Mail address", "Work e-mail"),
    Field.DISPLAY_NAME: ("Name", "Display name", "Full name"),
    Field.GIVEN_NAME: ("Given name", "First name", "Forename"),
    Field.FAMILY_NAME: ("Family name", "Last name", "Surname"),
    Field.MEMBER: ("Member", "Member ID", "ID", "Learner ID"),
    Field.GROUP: ("Group", "Group name", "Learner group"),
    Field.DUE: ("Due", "Due at", "Due date", "Deadline"),
}
"""The title a field has in files that are made here, and other words for it."""

LINE: Final = "Line"
WHY_NOT: Final = "Why not"
"""Titles of what is added to rows that are handed back."""

_OF_MEMBERS: Final = ("Account", "Added", "Account since", "Last signed in", LINE, WHY_NOT)
_OF_LEARNERS: Final = (
    *_OF_MEMBERS,
    *("Kind", "State", "Score", "Due date of", "Overdue", "Attempts", "On the course since"),
    *("Last active", "Completed", "Groups", "Certificate", "Certified", "Certified until"),
    *(word for each in NAMES for word in WORDS[each]),
)
"""What exports say and nobody can change that way."""


@dataclass(frozen=True, slots=True)
class Said:
    """One row of a file as it is read: where it begins, and its cells in order."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read: what is in it is a field's, or an attribute's."""

    place: int
    title: str
    field: Field | None = None
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one file are read. `decode` is how a cell names a member by number."""

    titles: tuple[str, ...]
    columns: tuple[Column, ...]
    decode: Callable[[str], int | None] | None = None

    def said(self, row: Said) -> dict[str, str]:
        """What the cells of a row say, by title, to be kept."""
        pairs = zip(self.titles, row.cells, strict=False)
        return {title: cell for title, cell in pairs if title and cell}

    def without_title(self, row: Said) -> int | None:
        """Where the row says something under no title, counted from 1."""
        titles = (*self.titles, *[""] * (len(row.cells) - len(self.titles)))
        pairs = zip(titles, row.cells, strict=False)
        return next((n for n, (title, cell) in enumerate(pairs, 1) if cell and not title), None)


_Meaning = Field | str
"""Of a title: a field, or the name of an attribute."""


@dataclass(frozen=True, slots=True)
class _Meanings:
    exact: Mapping[str, _Meaning | None]
    folded: Mapping[str, _Meaning | None]
    shown: Mapping[str, str]
    """A title to write, by folded title."""

    def of(self, title: str) -> _Meaning | None:
        """None for what is passed over; raises KeyError for what means nothing."""
        return self.exact[title] if title in self.exact else self.folded[_folded(title)]

    def nearest(self, title: str) -> str | None:
        near = difflib.get_close_matches(_folded(title), self.shown, 1, 0.6)
        return self.shown[near[0]] if near else None


def whole_number(text: str) -> int | None:
    """A member by the plain number."""
    is_number = text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER
    return int(text) if is_number else None


def plan_members(titles: Sequence[str], catalog: Catalog, *, ignoring: Collection[str]) -> Plan:
    """Raises UNKNOWN_COLUMNS, and BAD_USER_INPUT for doubled titles and where none says who."""
    fields = (Field.USER_NAME, Field.EMAIL, *NAMES)
    attributes = [name for name in catalog if name not in set(fields)]
    plan = _planned(titles, _meanings(fields, attributes, _OF_MEMBERS), ignoring)
    _refuse_nobody(plan, (Field.USER_NAME, Field.EMAIL))
    return plan


def plan_assignments(
    titles: Sequence[str],
    *,
    ignoring: Collection[str],
    decode: Callable[[str], int | None] = whole_number,
) -> Plan:
    """The same of a list of learners; `decode` reads the id of a member."""
    who = (Field.USER_NAME, Field.EMAIL, Field.MEMBER)
    plan = _planned(titles, _meanings((*who, Field.GROUP, Field.DUE), (), _OF_LEARNERS), ignoring)
    _refuse_nobody(plan, who)
    return replace(plan, decode=decode)


def refuse_long(rows: int) -> None:
    """Raises LIMIT_REACHED for a file with more rows than one may have."""
    if rows > MOST_ROWS:
        raise Refused(
            Code.LIMIT_REACHED,
            f"One file has at most {MOST_ROWS:,} rows; this one has more. Bring it in parts.",
            {"limit": MOST_ROWS, "actual": rows},
        )


def _meanings(
    fields: Sequence[Field], attributes: Sequence[str], passed_over: Sequence[str]
) -> _Meanings:
    """Attributes go by their names as written before any other word; two that differ only in what
    stands between their words are told by nothing else."""
    exact: dict[str, _Meaning | None] = dict.fromkeys(passed_over)
    exact |= {each: each for each in attributes}
    alike = Counter(map(_folded, attributes))
    folded: dict[str, _Meaning | None] = {_folded(each): None for each in passed_over}
    folded |= {_folded(each): each for each in attributes if alike[_folded(each)] == 1}
    folded |= {_folded(word): each for each in fields for word in (each, *WORDS[each])}
    shown = {_folded(each): each for each in attributes}
    shown |= {_folded(word): word for each in fields for word in WORDS[each]}
    return _Meanings(exact, folded, shown)


def _planned(titles: Sequence[str], meanings: _Meanings, ignoring: Collection[str]) -> Plan:
    if len(titles) > MOST_COLUMNS:
        raise Refused(
            Code.LIMIT_REACHED,
            f"One file has at most {MOST_COLUMNS} columns; this one has {len(titles)}.",
            {"limit": MOST_COLUMNS, "actual": len(titles)},
        )
    trimmed = tuple(each.strip() for each in titles)
    left_out = {_folded(each) for each in ignoring}
    read = [(n, each) for n, each in enumerate(trimmed) if each and _folded(each) not in left_out]
    _refuse_unknown([each for _, each in read], meanings)
    columns = tuple(_columns(read, meanings))
    _refuse_doubled(columns)
    return Plan(_each_once(trimmed), columns)


def _columns(read: Sequence[tuple[int, str]], meanings: _Meanings) -> Iterator[Column]:
    for place, title in read:
        match meanings.of(title):
            case Field() as field:
                yield Column(place, title, field=field)
            case str() as attribute:
                yield Column(place, title, attribute=attribute)


def _refuse_unknown(titles: Sequence[str], meanings: _Meanings) -> None:
    unknown = [
        each
        for each in titles
        if each not in meanings.exact and _folded(each) not in meanings.folded
    ]
    if not unknown:
        return
    named = [(_shown(each), meanings.nearest(each)) for each in unknown[:_MOST_NAMED]]
    sentences = [
        f"“{title}” is no column that is read" + (f"; the nearest is “{near}”." if near else ".")
        for title, near in named
    ]
    raise Refused(
        Code.UNKNOWN_COLUMNS,
        f"{' '.join(sentences)} Correct the title, or bring the file again with "
        f"ignore={_shown(unknown[0])} for each column that is to be passed over.",
        {"columns": [{"title": title, "nearest": near} for title, near in named]},
    )


def _refuse_doubled(columns: Sequence[Column]) -> None:
    seen: dict[object, str] = {}
    for each in columns:
        meaning = each.field or each.attribute
        if meaning in seen:
            titles = [_shown(seen[meaning]), _shown(each.title)]
            raise Refused(
                Code.BAD_USER_INPUT,
                f"Two columns say the same, “{titles[0]}” and “{titles[1]}”: take one of them "
                "away, or bring the file again with ignore= and the title of one.",
                {"columns": titles},
            )
        seen[meaning] = each.title


def _refuse_nobody(plan: Plan, any_of: Sequence[Field]) -> None:
    if not any(each.field in any_of for each in plan.columns):
        titles = [WORDS[each][0] for each in any_of]
        raise Refused(
            Code.BAD_USER_INPUT,
            f"No column says who is meant: one of {', '.join(titles)} is needed, and the first "
            "row has to hold the titles.",
            {"anyOf": titles},
        )


def _each_once(titles: Sequence[str]) -> tuple[str, ...]:
    """Titles that are passed over may be there twice; what they say is kept apart."""
    seen: Counter[str] = Counter()
    once = []
    for each in titles:
        seen[each] += 1
        once.append(f"{each} ({seen[each]})" if each and seen[each] > 1 else each)
    return tuple(once)


def _folded(title: str) -> str:
    return re.sub(r"[\s_\-\u2010-\u2015]+", "", unicodedata.normalize("NFKC", title).casefold())


def _shown(title: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in title)[:_LONGEST_SHOWN]
