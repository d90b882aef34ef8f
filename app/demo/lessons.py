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

FIRST_AID: Final = WrittenQuiz(
    questions=(
        WrittenQuestion(
            QuestionKind.SINGLE_CHOICE,
            "Somebody lies on the floor. What do you do **first**?",
            choices=(
                WrittenChoice("Look whether it is safe for me, too", is_correct=True),
                WrittenChoice("Finish my mail"),
                WrittenChoice("Take a picture"),
            ),
        ),
        WrittenQuestion(
            QuestionKind.NUMBER,
            "Which number do you call, anywhere in the European Union?",
            accepted_number=Decimal(112),
        ),
        WrittenQuestion(
            QuestionKind.TRUE_FALSE,
            "Who does not answer, but breathes, is laid on the side.",
            is_true=True,
        ),
        WrittenQuestion(
            QuestionKind.SINGLE_CHOICE,
            "Where do the hands go for chest compressions?",
            choices=(
                WrittenChoice("On the upper belly"),
                WrittenChoice("On the middle of the chest", is_correct=True),
                WrittenChoice("On the left half of the chest"),
                WrittenChoice("On both shoulders"),
            ),
        ),
        WrittenQuestion(
            QuestionKind.NUMBER,
            "How many compressions come before two breaths?",
            accepted_number=Decimal(30),
        ),
        WrittenQuestion(
            QuestionKind.MULTIPLE_CHOICE,
            "Which of these are signs of a stroke?",
            points=Decimal(2),
            choices=(
                WrittenChoice("One corner of the mouth hangs", is_correct=True),
                WrittenChoice("An arm sinks by itself", is_correct=True),
                WrittenChoice("Words do not come", is_correct=True),
                WrittenChoice("The skin is red"),
            ),
        ),
        WrittenQuestion(
            QuestionKind.SINGLE_CHOICE,
            "A nose bleeds. How is the head held?",
            choices=(
                WrittenChoice("Tilted back", is_correct=True),
                WrittenChoice("Bent forward"),
                WrittenChoice("As it likes"),
            ),
        ),
        WrittenQuestion(
            QuestionKind.SHORT_TEXT,
            "What hangs beside every lift and tells you what to do? One word.",
            accepted_texts=("defibrillator", "aed"),
        ),
        WrittenQuestion(
            QuestionKind.NUMBER,
            "For how many minutes, at least, is a burn cooled?",
            accepted_number=Decimal(10),
        ),
        WrittenQuestion(
            QuestionKind.ESSAY,
            "Somebody at your table suddenly cannot speak or cough. What do you do, in what order?",
            points=Decimal(4),
        ),
    ),
    pass_percent=55,
    submission_cap=2,
    shows_key=KeyShown.AFTER_PASSING,
)
"""One question is too easy and one too hard; the key of one is what people used to be taught, and
who has learned it lately knows better."""

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
    "When It Counts": FIRST_AID,
    "What Personal Data Is": LessonContent(PERSONAL_DATA),
    "Keeping Data": KEEPING_DATA,
}
"""By title of the module."""
