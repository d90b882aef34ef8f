"""What modules say: drafts, revisions, their files, and what they differ in."""

import datetime as dt
from decimal import Decimal
from typing import Annotated

import strawberry

from access.permissions import Permission
from models import content as stored
from operations.content import comparing
from operations.content.questions import KeyShown, QuestionKind
from resolvers.content import reading, views
from schema.member import Member
from schema.node import Node
from schema.refusal import ContentProblem
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON

EDITS = any_of(Permission.EDIT_MODULE_CONTENT)
LOOKS = any_of(Permission.EDIT_MODULE_CONTENT, Permission.PREVIEW_UNTRACKED)


@guarded_type(requires=SIGNED_IN, description="One answer to choose from.", rows=views.ChoiceView)
class Choice:
    number: int = column(
        "id", requires=INHERITED, description="The same in every revision; not its place."
    )
    text: str
    is_correct: bool | None = column(
        "is_correct", requires=LOOKS, description="Whether it is a right answer."
    )


@guarded_type(requires=SIGNED_IN, description="A question of a quiz.", rows=views.QuestionView)
class Question:
    number: int = column(
        "id", requires=INHERITED, description="The same in every revision; not its place."
    )
    kind: QuestionKind
    text: str = column("text", requires=SIGNED_IN, description="Markdown.")
    html: str = resolved_by(
        views.question_html, requires=SIGNED_IN, description="The text as safe HTML."
    )
    points: Decimal
    choices: list[Choice]
    is_true: bool | None = column(
        "is_true", requires=LOOKS, description="The right answer of TRUE_FALSE."
    )
    accepted_texts: list[str] | None = column(
        "accepted_texts", requires=LOOKS, description="The right answers of SHORT_TEXT."
    )
    is_case_sensitive: bool | None = column(
        "is_case_sensitive",
        requires=LOOKS,
        description="Whether capitals matter in a SHORT_TEXT answer.",
    )
    accepted_number: Decimal | None = column(
        "accepted_number", requires=LOOKS, description="The right answer of NUMBER."
    )
    tolerance: Decimal | None = column(
        "tolerance", requires=LOOKS, description="How far beside it an answer is still right."
    )


@guarded_type(requires=SIGNED_IN, description="Something to read.", rows=views.LessonView)
class LessonContent:
    markdown: str
    html: str = resolved_by(
        views.lesson_html,
        requires=SIGNED_IN,
        description="The text as safe HTML. Files are fetched with the token, as everything is.",
    )


@guarded_type(requires=SIGNED_IN, description="Questions.", rows=views.QuizView)
class QuizContent:
    questions: list[Question]
    points: Decimal = column("points", requires=SIGNED_IN, description="Of all questions.")
    pass_percent: int = column(
        "pass_percent", requires=SIGNED_IN, description="Of the points, to pass."
    )
    submission_cap: int | None = column(
        "submission_cap",
        requires=SIGNED_IN,
        description="How often one may submit in an attempt; null: as often as one likes.",
    )
    shows_key: KeyShown


@guarded_type(
    requires=SIGNED_IN, description="Something to do and hand in.", rows=views.AssignmentView
)
class AssignmentContent:
    instructions: str = column("instructions", requires=SIGNED_IN, description="Markdown.")
    html: str = resolved_by(
        views.instructions_html, requires=SIGNED_IN, description="The instructions as safe HTML."
    )
    points: Decimal
    pass_percent: int


ModuleContent = Annotated[
    LessonContent | QuizContent | AssignmentContent,
    strawberry.union("ModuleContent", description="What a module says, by its kind."),
]


@guarded_type(
    requires=EDITS,
    description="What the next revision of a module would be.",
    rows=stored.ModuleDraft,
)
class ModuleDraft:
    version: int = column(
        "version",
        requires=INHERITED,
        description="Give it to `editModuleContent`; 0 before anybody has written.",
    )
    edited_at: dt.datetime
    edited_by: Member | None = resolved_by(
        reading.edited_by, requires=SIGNED_IN, description="Who wrote last."
    )
    content: ModuleContent | None = resolved_by(
        reading.draft_content, requires=EDITS, description="All of it."
    )
    problems: list[ContentProblem] | None = resolved_by(
        reading.draft_problems,
        requires=EDITS,
        description="Everything that keeps it from being published.",
    )


@guarded_type(
    requires=LOOKS,
    description="What was published, as it was; it never changes.",
    rows=stored.ModuleRevision,
)
class ModuleRevision:
    number: int
    title: str = column(
        "title", requires=INHERITED, description="The module's when this was published."
    )
    note: str
    published_at: dt.datetime
    published_by: Member | None = resolved_by(
        reading.published_by, requires=SIGNED_IN, description="Who published it."
    )
    content: ModuleContent | None = resolved_by(
        reading.revision_content, requires=LOOKS, description="All of it, with the right answers."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="A file of a module. Upload it with `POST /attachments?module=<id>&name=<name>`.",
    rows=stored.Attachment,
)
class Attachment(Node):
    file_name: str
    media_type: str
    size: int = column("size", requires=SIGNED_IN, description="In bytes.")
    sha256: str = resolved_by(
        reading.sha256, requires=SIGNED_IN, description="Of the bytes, in hexadecimal digits."
    )
    uploaded_at: dt.datetime
    reference: str = resolved_by(
        reading.reference,
        requires=SIGNED_IN,
        description="How Markdown names it: `![A picture](attachment:12)`.",
    )
    href: str = resolved_by(
        reading.href, requires=SIGNED_IN, description="Where it is to be had, with the token."
    )
    uploaded_by: Member | None = resolved_by(
        reading.uploaded_by, requires=LOOKS, description="Who brought it."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="An attribute that is not the same. Of a Markdown text `diff` shows the lines,"
    " as a unified diff.",
    rows=comparing.Change,
)
class ContentChange:
    name: str
    before: JSON | None
    after: JSON | None
    diff: str | None = column("lines", requires=INHERITED, description="Of a Markdown text.")


@guarded_type(
    requires=SIGNED_IN,
    description="A question that is not the same, or not in the same place.",
    rows=comparing.QuestionChange,
)
class QuestionChange:
    number: int = column("id", requires=INHERITED, description="Of the question.")
    place_before: int | None = column(
        "place_before", requires=INHERITED, description="From 1; null where it is new."
    )
    place_after: int | None = column(
        "place_after", requires=INHERITED, description="From 1; null where it is gone."
    )
    changes: list[ContentChange]


@guarded_type(
    requires=SIGNED_IN,
    description="What makes one content of the other.",
    rows=comparing.Comparison,
)
class ContentComparison:
    is_equal: bool
    changes: list[ContentChange] = column(
        "changes", requires=INHERITED, description="Of the whole."
    )
    questions: list[QuestionChange] = column(
        "questions", requires=INHERITED, description="Question by question."
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about content.")
class ContentQuery:
    preview_untracked: ModuleRevision | None = resolved_by(
        reading.preview_untracked,
        requires=any_of(Permission.PREVIEW_UNTRACKED).by_operation(),
        description="What a module says to whoever takes it, without taking it: the newest"
        " revision, or another one.",
    )
    compare_revisions: ContentComparison | None = resolved_by(
        reading.compare_revisions,
        requires=any_of(Permission.PREVIEW_UNTRACKED).by_operation(),
        description="What makes the content of revision `after` of that of `before`. Without"
        " `after` it is compared with the draft, which needs EDIT_MODULE_CONTENT.",
    )
