"""How quizzes and their questions are doing: figures of classical test theory."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from operations.content.questions import QuestionKind
from operations.insights import quiz_answers, quiz_figures, statistics
from operations.insights import quizzes as stored
from operations.insights.statistics import Undefined
from resolvers import done
from resolvers.insights import asked, pictures
from resolvers.insights import quizzes as answers
from schema.picture import Picture
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import Cursor

if TYPE_CHECKING:
    from schema.course import Course

VIEWS = Permission.VIEW_QUIZ_INSIGHTS


@guarded_type(
    requires=SIGNED_IN,
    description="A figure that is not always defined.",
    rows=statistics.Figure,
)
class QuizFigure:
    value: float | None
    reason: Undefined | None = column(
        "reason", requires=INHERITED, description="Why there is no value."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="How many submissions reached so many percent.",
    rows=quiz_figures.Bin,
)
class ScoreBin:
    since: int = column("since", requires=INHERITED, description="The lowest percent in it.")
    until: int = column(
        "until", requires=INHERITED, description="Where the next begins; 100 is in the last."
    )
    count: int | None
    is_suppressed: bool = column(
        "is_suppressed", requires=INHERITED, description="The count is hidden: too few people."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What was reached, in percent of the most that could be, of graded submissions.",
    rows=quiz_figures.Scores,
)
class QuizScores:
    graded: int
    passed: int = column(
        "passed",
        requires=INHERITED,
        description="How many were enough by the revision they answered.",
    )
    pass_rate: float | None = column(
        "pass_rate", requires=INHERITED, description="The share of `passed` of `graded`."
    )
    mean: float | None
    median: float | None
    standard_deviation: float | None = column(
        "standard_deviation", requires=INHERITED, description="Of a sample: n - 1."
    )
    lowest: float | None = column(
        "lowest", requires=INHERITED, description="Null also where too few have it to say."
    )
    highest: float | None = column(
        "highest", requires=INHERITED, description="Null also where too few have it to say."
    )
    distribution: list[ScoreBin] = column(
        "distribution", requires=INHERITED, description="Ten parts of 0 to 100 percent."
    )
    compared: int = column(
        "compared",
        requires=INHERITED,
        description="How many answered the newest test that anybody took: revisions that ask the "
        "same questions for the same points. The next two figures are of these.",
    )
    reliability: QuizFigure = column(
        "reliability",
        requires=INHERITED,
        description="Cronbach's alpha: internal consistency, at most 1; KR-20 where every "
        "question is right or wrong.",
    )
    standard_error: QuizFigure = column(
        "standard_error",
        requires=INHERITED,
        description="The standard error of measurement, in percent of the points.",
    )
    median_minutes: float | None = column(
        "median_minutes",
        requires=INHERITED,
        description="Whole minutes from the start to handing in: half of them took no longer.",
    )


@guarded_type(requires=SIGNED_IN, description="A quiz.", rows=quiz_figures.QuizFigures)
class QuizFigures:
    submissions: int = column(
        "submissions", requires=INHERITED, description="How many were handed in."
    )
    waiting: int = column(
        "waiting",
        requires=INHERITED,
        description="How many of them have no grade yet; they count in nothing else here.",
    )
    people: int = column("people", requires=INHERITED, description="By how many people.")
    is_suppressed: bool = column(
        "is_suppressed", requires=INHERITED, description="The scores are of too few people to say."
    )
    scores: QuizScores | None = column(
        "scores", requires=INHERITED, description="What was reached."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One answer, and how many gave it.",
    rows=quiz_answers.AnswerShare,
)
class AnswerShare:
    text: str = column(
        "text",
        requires=INHERITED,
        description="The choice (Markdown), true or false, a number, or a text in small letters.",
    )
    count: int | None
    share: float | None = column(
        "share", requires=INHERITED, description="Of all who answered the question."
    )
    is_right: bool | None = column(
        "is_right",
        requires=INHERITED,
        description="Of a choice: it is part of the right answer. Of a text or a number: it got "
        "the points; null: not always. For those who may view the answers; null for others.",
    )
    is_suppressed: bool = column(
        "is_suppressed", requires=INHERITED, description="Too few people gave it to say how many."
    )


@guarded_type(
    requires=SIGNED_IN, description="What was answered to a question.", rows=quiz_answers.Answers
)
class AnswerShares:
    shown: list[AnswerShare] = column(
        "shown",
        requires=INHERITED,
        description="Every choice; of texts and numbers the 20 most frequent.",
    )
    others: int = column(
        "others",
        requires=INHERITED,
        description="How many gave another text or number than those shown.",
    )


@guarded_type(requires=SIGNED_IN, description="How a question did.", rows=quiz_figures.ItemFigures)
class QuestionFigures:
    presented: int = column(
        "presented", requires=INHERITED, description="In how many graded submissions it was asked."
    )
    answered: int
    correct: int | None = column(
        "correct", requires=INHERITED, description="Null: no answer is the right one."
    )
    facility: QuizFigure = column(
        "facility",
        requires=INHERITED,
        description="The share of its points that was reached, from 0, hard, to 1; the difficulty "
        "of classical test theory. No answer counts as no points.",
    )
    compared: int = column(
        "compared",
        requires=INHERITED,
        description="How many answered the newest test it was in. The next two figures are of "
        "these.",
    )
    discrimination: QuizFigure = column(
        "discrimination",
        requires=INHERITED,
        description="The facility among the upper 27 % by score less that among the lower 27 %.",
    )
    point_biserial: QuizFigure = column(
        "point_biserial",
        requires=INHERITED,
        description="The correlation of its points with the score without it.",
    )
    median_seconds: float | None = column(
        "median_seconds",
        requires=INHERITED,
        description="Whole seconds since the answer before, or the start; at most an hour. Answers "
        "that came at once share them evenly.",
    )
    answers: AnswerShares | None = column(
        "answers", requires=INHERITED, description="Null: it is an essay."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="A question, as it was worded last.",
    rows=quiz_figures.QuestionInsights,
)
class QuestionInsights:
    number: int = column(
        "id", requires=INHERITED, description="The same in every revision; not its place."
    )
    kind: QuestionKind
    text: str = column("text", requires=INHERITED, description="Markdown.")
    points: Decimal
    is_gone: bool = column(
        "is_gone", requires=INHERITED, description="The newest revision does not ask it."
    )
    is_suppressed: bool = column(
        "is_suppressed", requires=INHERITED, description="It was asked of too few people to say."
    )
    figures: QuestionFigures | None = column(
        "figures", requires=INHERITED, description="How it did."
    )


@guarded_type(
    requires=VIEWS,
    description="How a quiz is doing: everything in it is of one moment, and of one place in the "
    "journal.",
    rows=stored.QuizInsights,
)
class QuizInsights:
    position: Cursor = resolved_by(
        asked.position,
        requires=SIGNED_IN,
        description="Everything up to here is in it, and nothing else.",
    )
    at: dt.datetime = column("at", requires=INHERITED, description="When it was read.")
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="Of which course."
    )
    is_suppressed: bool = column(
        "is_suppressed",
        requires=INHERITED,
        description="Figures are hidden: they are about too few people, or narrowed so that they "
        "could tell of one. It never is so for those who may view the answers.",
    )
    figures: QuizFigures | None = column("figures", requires=INHERITED, description="The quiz.")
    questions: list[QuestionInsights] | None = column(
        "questions",
        requires=INHERITED,
        description="Those of the newest revision in their order, then those that are gone.",
    )
    pictures: list[Picture] | None = resolved_by(
        pictures.of_quiz,
        requires=SIGNED_IN,
        description="The same as pictures: scores, facility and discrimination of each question, "
        "and what the reliability means. Those of `kinds`, else all.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about how quizzes are doing.")
class QuizInsightQuery:
    view_quiz_insights: QuizInsights | None = resolved_by(
        answers.view_quiz_insights,
        requires=any_of(VIEWS).by_operation(),
        description="How a quiz of a course is doing. It can be narrowed to a group, to a "
        "department (empty: those who are in none) and to what was handed in from `since` on and "
        "before `until`. Of each person the first submission counts, unless `attempts` says "
        "otherwise; staff who took the quiz only when asked for.",
    )
