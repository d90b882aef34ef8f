"""From tokens to the JSON document they say, with the place in the text of each of its parts.

    rule   := all ("or" all)*
    all    := factor ("and" factor)*
    factor := "(" rule ")" | "not" "(" rule ")" | "everyone" | clause
    clause := name ( "pr" | "absent" | "between" value "and" value | operator ( value | list ) )
    value  := JSON text, number, true or false | "now" | "now-P90D" | "now+P1Y6M"
    list   := "[" value ("," value)* "]"

Words of the language are read in any case. Only shape is read here; meaning is the Reader's.
What cannot be read is noted, stands in the document as UNREAD, and reading goes on behind it.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from sync_engine.rules.clauses import UNREAD
from sync_engine.rules.operators import OPERATORS, SHORT_NAMES, Listing, Presence, Span
from sync_engine.rules.places import Place, Said, joined, listed
from sync_engine.rules.problems import LIMITS, Problem, ProblemCode, shown
from sync_engine.rules.tokens import Kind, Token, tokens_of

_OPERATORS: Final[Mapping[str, str]] = {name.lower(): name for name in OPERATORS} | dict(
    SHORT_NAMES
)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOW: Final = re.compile(r"now([+-].*)?", re.IGNORECASE)
_OPENING: Final = (Kind.OPEN, Kind.OPEN_LIST)
_CLOSING: Final = (Kind.CLOSE, Kind.CLOSE_LIST)
_CONSTANTS: Final[Mapping[str, object]] = {"true": True, "false": False, "null": None}


class Parser:
    """One reading of one text. What it says counts only if no problem was noted."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._tokens = tokens_of(text)
        self._next = 0

    def rule(self) -> Said:
        """The whole text, to its end."""
        if self._peek().kind is Kind.END:
            message = "The rule is empty. Write a clause, or everyone if you mean everybody."
            self._note(ProblemCode.EMPTY_RULE, message, self._peek())
            return UNREAD, Place(0, 0)
        said = [self._any(0)]
        while (token := self._peek()).kind is not Kind.END:
            self._note(ProblemCode.SYNTAX, "This parenthesis was never opened; remove it.", token)
            self._advance()
            if self._peek().kind not in (Kind.END, Kind.CLOSE):
                self._take("and", "or")
                said.append(self._any(0))
        return joined("all", said)

    def _any(self, depth: int) -> Said:
        said = [self._all(depth)]
        while self._take("or"):
            said.append(self._all(depth))
        return joined("any", said)

    def _all(self, depth: int) -> Said:
        said = [self._factor(depth)]
        while not self._is_at_end_of_all():
            if not self._take("and"):
                self._note_here("Here “and” or “or” is missing.")
                if self._peek().kind not in (Kind.WORD, Kind.OPEN):
                    self._skip()
                    continue
            said.append(self._factor(depth))
        return joined("all", said)

    def _is_at_end_of_all(self) -> bool:
        token = self._peek()
        return token.kind in (Kind.CLOSE, Kind.END) or token.is_word("or")

    def _factor(self, depth: int) -> Said:
        token = self._peek()
        if token.kind is Kind.OPEN:
            return self._group(depth)
        if token.kind is not Kind.WORD or token.is_word("and", "or"):
            self._note_here('Here a clause is missing, such as department eq "Sales".')
            if not token.is_word("and"):
                self._skip()
            return UNREAD, Place(token.start, token.end)
        if token.is_word("everyone"):
            self._advance()
            return {"everyone": True}, Place(token.start, token.end)
        if token.is_word("not"):
            return self._not(depth)
        return self._clause()

    def _not(self, depth: int) -> Said:
        start = self._advance().start
        if self._peek().kind is Kind.OPEN:
            inner, place = self._group(depth)
            return {"not": inner}, Place(start, place.end, {"not": place})
        self._note_here("After “not” stands what it denies in parentheses: not (…).")
        while self._take("not"):
            pass
        token = self._peek()
        if token.kind is not Kind.WORD or token.is_word("and", "or"):
            return UNREAD, Place(start, start)
        return self._factor(depth)

    def _group(self, depth: int) -> Said:
        opening = self._advance()
        if depth == LIMITS.depth:
            message = f"Parentheses are deeper than {LIMITS.depth} levels here; take some away."
            self._note(ProblemCode.TOO_DEEP, message, opening)
            self._skip()
        elif self._peek().kind is Kind.CLOSE:
            message = "The parentheses are empty. Write a clause, or everyone, between them."
            self._note(ProblemCode.EMPTY_RULE, message, opening)
        else:
            said, place = self._any(depth + 1)
            return said, Place(opening.start, self._close(opening), place.parts)
        return UNREAD, Place(opening.start, self._close(opening))

    def _close(self, opening: Token) -> int:
        token = self._peek()
        if token.kind is Kind.CLOSE:
            return self._advance().end
        self._note(ProblemCode.SYNTAX, "This parenthesis is never closed.", opening)
        return token.start

    def _clause(self) -> Said:
        name = self._advance()
        clause: dict[str, object] = {"attr": name.text}
        place = Place(name.start, name.end, {"attr": Place(name.start, name.end)})
        clause["op"], place.parts["op"] = operator, _ = self._operator(name)
        if operator is not UNREAD and self._has_value(str(operator)):
            clause["value"], place.parts["value"] = self._operand(str(operator))
        place.end = max(part.end for part in place.parts.values())
        return clause, place

    def _operator(self, name: Token) -> Said:
        token = self._peek()
        if token.kind is not Kind.WORD or token.is_word("and", "or"):
            message = f"After “{shown(name.text)}” an operator is missing, such as eq or present."
            self._note(ProblemCode.SYNTAX, message, token)
            if not token.is_word("and", "or"):
                self._skip()
            return UNREAD, Place(name.start, name.end)
        self._advance()
        if token.is_word("not") and self._peek().is_word("in"):
            return Listing.NOT_IN.value, Place(token.start, self._advance().end)
        known = _OPERATORS.get(token.text.lower(), token.text)
        return known, Place(token.start, token.end)

    def _has_value(self, operator: str) -> bool:
        """Whether a value follows: of an unknown operator only the value itself can tell."""
        if operator in OPERATORS:
            return operator not in tuple(Presence)
        token = self._peek()
        return token.kind in (Kind.TEXT, Kind.NUMBER, Kind.OPEN_LIST) or token.is_word(*_CONSTANTS)

    def _operand(self, operator: str) -> Said:
        if operator != Span.BETWEEN:
            return self._list() if self._peek().kind is Kind.OPEN_LIST else self._value()
        low = self._value()
        if not self._take("and"):
            self._note_here("between takes two values: between 1 and 5.")
            return UNREAD, low[1]
        return listed([low, self._value()])

    def _list(self) -> Said:
        opening = self._advance()
        said: list[Said] = []
        if self._peek().kind is not Kind.CLOSE_LIST:
            said = self._listed_values()
        values, place = listed(said)
        place.start = opening.start
        place.end = (
            self._advance().end if self._peek().kind is Kind.CLOSE_LIST else self._peek().start
        )
        return values, place

    def _listed_values(self) -> list[Said]:
        said: list[Said] = []
        while True:
            noted = len(self.problems)
            said.append(self._value())
            if self._peek().kind is Kind.CLOSE_LIST:
                return said
            if self._peek().kind is not Kind.COMMA:
                if len(self.problems) == noted:
                    self._note_here("Values of a list are separated by commas, and ] ends it.")
                self._skip(Kind.CLOSE_LIST)
                return said
            self._advance()

    def _value(self) -> Said:
        token = self._peek()
        read = _VALUES.get(token.kind)
        if token.kind is Kind.STRANGE:
            self._note_here("This is not a value: texts stand in double quotes, on one line.")
            self._skip(Kind.COMMA, Kind.CLOSE_LIST)
            return UNREAD, Place(token.start, token.end)
        if read is None or token.is_word("and", "or"):
            self._note_here("Here a value is missing: a text in double quotes, a number, or true.")
            return UNREAD, Place(token.start, token.end)
        self._advance()
        value = read(token.text)
        if value is UNREAD:
            message = (
                f"“{shown(token.text)}” is not a value: write texts in double quotes, as in JSON."
            )
            self._note(ProblemCode.SYNTAX, message, token)
        return value, Place(token.start, token.end)

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _take(self, *words: str) -> bool:
        if not self._peek().is_word(*words):
            return False
        self._advance()
        return True

    def _skip(self, *kinds: Kind) -> None:
        """On to where reading can go on: and, or, an outer closing parenthesis, the end."""
        depth, stops = 0, (Kind.CLOSE, *kinds)
        while (token := self._peek()).kind is not Kind.END:
            if depth == 0 and (token.kind in stops or token.is_word("and", "or")):
                return
            depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
            depth = max(depth, 0)
            self._advance()

    def _note_here(self, message: str) -> None:
        self._note(ProblemCode.SYNTAX, message, self._peek())

    def _note(self, code: ProblemCode, message: str, token: Token) -> None:
        self.problems.append(Problem(code, message, "", token.start, token.end))
        if len(self.problems) >= LIMITS.problems:
            self._next = len(self._tokens) - 1


def _text(token: str) -> object:
    try:
        return json.loads(token)
    except ValueError:
        return UNREAD


def _number(token: str) -> object:
    try:
        return Decimal(token) if _NUMBER.fullmatch(token) else UNREAD
    except InvalidOperation:
        return UNREAD


def _word(token: str) -> object:
    found = _NOW.fullmatch(token)
    if found:
        return {"now": found.group(1) or "P0D"}
    return _CONSTANTS.get(token.lower(), UNREAD)


_VALUES: Final[Mapping[Kind, Callable[[str], object]]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.WORD: _word,
}
