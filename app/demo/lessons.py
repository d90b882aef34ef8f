"""What the modules of the demo company say, and how well people know it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from operations.content.questions import AssignmentContent, KeyShown, LessonContent, QuestionKind
from operations.content.writing import Written, WrittenChoice, WrittenQuestion, WrittenQuiz

OPENING_LINES: Final = """\
# Opening lines

The first sentence decides whether there is a second. Three that work:

1. Say **who** you are and **why** you call, in this order.
2. Ask for a minute, and keep it.
3. Name what you have in common.

> “Good morning, this is Ingrid of Northwind. You asked for our price list; is this a good minute?”
"""

PERSONAL_DATA: Final = """\
# What personal data is

Whatever says something about somebody who can be recognized: a name, a number plate, the voice
on a recording. **Ask first:** do we need it, for what, and how long?

| we may keep | because |
|---|---|
| the address of a customer | there is a contract |
| the allergy of a guest | they said so, for this one meal |
"""

OBJECTIONS: Final = WrittenQuiz(
    questions=(
        WrittenQuestion(
            QuestionKind.SINGLE_CHOICE,
            "“It is too expensive.” What do you say first?",
            choices=(
                WrittenChoice("Compared to what?", is_correct=True),
                WrittenChoice("I can give you a discount."),
                WrittenChoice("Then it is not for you."),
            ),
        ),
        WrittenQuestion(
            QuestionKind.TRUE_FALSE, "An objection is a sign of interest.", is_true=True
        ),
        WrittenQuestion(
            QuestionKind.ESSAY,
            "Write down an objection you heard last week, and what you would say now.",
            points=Decimal(3),
        ),
    ),
    pass_percent=60,
    submission_cap=3,
    shows_key=KeyShown.AFTER_PASSING,
)

KEEPING_DATA: Final = WrittenQuiz(
    questions=(
        WrittenQuestion(
            QuestionKind.SINGLE_CHOICE,
            "Which of these is personal data?",
            choices=(
                WrittenChoice("The price of a chair"),
                WrittenChoice("A number plate", is_correct=True),
                WrittenChoice("The weather in Oslo"),
            ),
        ),
        WrittenQuestion(
            QuestionKind.MULTIPLE_CHOICE,
            "What do you ask before you keep something?",
            points=Decimal(2),
            choices=(
                WrittenChoice("Do we need it?", is_correct=True),
                WrittenChoice("For what, and how long?", is_correct=True),
                WrittenChoice("Does anybody else keep it?"),
            ),
        ),
        WrittenQuestion(
            QuestionKind.NUMBER,
            "Within how many hours is a breach reported?",
            accepted_number=Decimal(72),
        ),
        WrittenQuestion(
            QuestionKind.SHORT_TEXT,
            "Whom do you tell first? Two words.",
            accepted_texts=("privacy team", "the privacy team"),
        ),
        WrittenQuestion(
            QuestionKind.TRUE_FALSE, "A voice on a recording is personal data.", is_true=True
        ),
    ),
    pass_percent=60,
    shows_key=KeyShown.AFTER_SUBMISSION,
)

EVACUATION: Final = AssignmentContent(
    instructions=(
        "Walk the way from your desk to the assembly point. **Write down** what was in your way,"
        " and how long it took."
    ),
    points=Decimal(20),
)

CONTENT: Final[Mapping[str, Written]] = {
    "Opening Lines": LessonContent(OPENING_LINES),
    "Objections": OBJECTIONS,
    "Evacuation": EVACUATION,
    "What Personal Data Is": LessonContent(PERSONAL_DATA),
    "Keeping Data": KEEPING_DATA,
}
"""By title of the module."""
