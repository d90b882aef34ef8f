"""Markdown made into HTML that can be put into any page, and the files it shows.

Two sieves, by different hands: the parser (CommonMark with tables and strikethrough) takes HTML
for text and knows no dangerous addresses; what it makes is then cleaned down to the tags and
attributes named here. A file of the module is written `attachment:12`; pictures are only those,
so that nobody elsewhere learns who reads.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from operations.content.questions import AssignmentContent, Content, LessonContent, QuizContent

SCHEME: Final = "attachment:"
LONGEST_NUMBER: Final = 18
TAGS: Final = (
    {"a", "blockquote", "br", "code", "del", "em", "hr", "img", "li", "ol", "p", "pre", "s"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "strong", "ul"}
    | {"table", "tbody", "td", "th", "thead", "tr"}
)
ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "code": {"class"},
    "td": {"style"},
    "th": {"style"},
}
ALIGNED: Final = re.compile("text-align:(left|right|center)")
LANGUAGE: Final = re.compile(r"language-[\w+#.-]{1,40}", re.ASCII)

Address = Callable[[int], str]
"""Where a file is to be had, by its number."""


class _Parser(MarkdownIt):
    """Knows which addresses a text may name; others stay as they were written."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - named by the library
        return _number_in(url) is not None or _is_harmless(url)


_PARSER: Final = _Parser("commonmark", {"html": False, "maxNesting": 20}).enable(
    ["table", "strikethrough"]
)


def html_of(markdown: str, address: Address) -> str:
    """The text as HTML; files of the module are at `address`."""
    tokens = _PARSER.parse(markdown)
    allowed = {address(number) for number in _point_at_files(tokens, address)}

    def keep(tag: str, attribute: str, value: str) -> str | None:
        match tag, attribute:
            case "img", "src":
                return value if value in allowed else None
            case "a", "href":
                return value if value in allowed or _is_harmless(value) else None
            case "code", "class":
                return value if LANGUAGE.fullmatch(value) else None
            case _, "style":
                return value if ALIGNED.fullmatch(value) else None
            case _:
                return value

    return nh3.clean(
        _PARSER.renderer.render(tokens, _PARSER.options, {}),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        link_rel="noopener noreferrer",
    )


def words_of(markdown: str) -> str:
    """What somebody reads of a text, in one line: without its marks, and pictures by what is said
    of them."""
    return " ".join("".join(map(_said, _leaves(_PARSER.parse(markdown)))).split())


def _said(token: Token) -> str:
    """Paragraphs, rows and lines lie apart; what only looks different does not."""
    return token.content or (" " if token.block or token.type.endswith("break") else "")


def _leaves(tokens: Iterable[Token]) -> Iterator[Token]:
    for each in tokens:
        if each.children is None:
            yield each
        else:
            yield from _leaves(each.children)


def attachments_in(content: Content) -> frozenset[int]:
    """The numbers of the files that content shows or links to."""
    return frozenset(
        number for text in _markdown_of(content) for number in _numbers(_PARSER.parse(text))
    )


def _markdown_of(content: Content) -> Iterable[str]:
    match content:
        case LessonContent():
            return (content.markdown,)
        case AssignmentContent():
            return (content.instructions,)
        case QuizContent():
            return tuple(each.text for each in content.questions)


def _point_at_files(tokens: Iterable[Token], address: Address) -> set[int]:
    """Put addresses in place of `attachment:…`; which files were named."""
    found = set()
    for token, name, number in _naming(tokens):
        token.attrSet(name, address(number))
        found.add(number)
    return found


def _numbers(tokens: Iterable[Token]) -> Iterator[int]:
    return (number for _, _, number in _naming(tokens))


def _naming(tokens: Iterable[Token]) -> Iterator[tuple[Token, str, int]]:
    """The tokens that name a file, in which attribute, and its number."""
    for token in tokens:
        for name in ("href", "src"):
            number = _number_in(str(token.attrGet(name) or ""))
            if number is not None:
                yield token, name, number
        yield from _naming(token.children or ())


def _number_in(url: str) -> int | None:
    text = url.removeprefix(SCHEME)
    is_number = text != url and text.isascii() and text.isdecimal()
    return int(text) if is_number and len(text) <= LONGEST_NUMBER else None


def _is_harmless(url: str) -> bool:
    """An address elsewhere that is said in full, a mail address, or a place in the text."""
    return url.lower().startswith(("https://", "http://", "mailto:", "#"))
