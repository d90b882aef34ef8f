"""Any content there can be, for properties."""

from hypothesis import strategies as st

from operations.content.questions import (
    CHOOSING,
    AcceptedNumber,
    AcceptedTexts,
    AssignmentContent,
    Choice,
    Content,
    CorrectChoices,
    Key,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    Truth,
)

texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=12)
markdown = st.lists(st.sampled_from(["# One", "two", "", "- three", "two", "*four*\r"]), max_size=9)
points = st.decimals(0, 100, places=2)
numbers = st.decimals(-(10**9), 10**9, places=6)


def _key(kind: QuestionKind, choices: tuple[Choice, ...]) -> st.SearchStrategy[Key | None]:
    match kind:
        case QuestionKind.SINGLE_CHOICE | QuestionKind.MULTIPLE_CHOICE:
            ids = [each.id for each in choices]
            marked = st.sets(st.sampled_from(ids)) if ids else st.just(set[int]())
            return st.builds(lambda some: CorrectChoices(frozenset(some)), marked)
        case QuestionKind.TRUE_FALSE:
            return st.builds(Truth, st.none() | st.booleans())
        case QuestionKind.SHORT_TEXT:
            return st.builds(AcceptedTexts, st.lists(texts, max_size=3).map(tuple), st.booleans())
        case QuestionKind.NUMBER:
            return st.builds(AcceptedNumber, st.none() | numbers, st.decimals(0, 5, places=3))
        case QuestionKind.ESSAY:
            return st.none()


@st.composite
def questions(draw: st.DrawFn, id: int) -> Question:
    kind = draw(st.sampled_from(QuestionKind))
    count = draw(st.integers(0, 4)) if kind in CHOOSING else 0
    choices = tuple(Choice(id * 100 + n, draw(texts)) for n in range(1, count + 1))
    return Question(id, kind, draw(texts), draw(points), choices, draw(_key(kind, choices)))


@st.composite
def quizzes(draw: st.DrawFn) -> QuizContent:
    ids = draw(st.lists(st.integers(1, 6), unique=True, max_size=5))
    return QuizContent(
        tuple(draw(questions(id)) for id in ids),
        draw(st.integers(0, 100)),
        draw(st.none() | st.integers(1, 9)),
    )


lessons = st.builds(LessonContent, markdown.map("\n".join))
assignments = st.builds(AssignmentContent, markdown.map("\n".join), points, st.integers(0, 100))
contents: st.SearchStrategy[Content] = lessons | quizzes() | assignments
pairs: st.SearchStrategy[tuple[Content, Content]] = (
    st.tuples(lessons, lessons)
    | st.tuples(quizzes(), quizzes())
    | st.tuples(assignments, assignments)
)
