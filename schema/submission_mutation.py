"""What can be done with submissions."""

import strawberry

from access.permissions import Permission
from resolvers.answers import Answer
from resolvers.learning import grading_changes
from schema.payloads import Payload
from schema.requires import SIGNED_IN, done_by, guarded_type, resolved_by
from schema.submission import Submission

strawberry.input(
    grading_changes.AnswerToSave,
    name="AnswerToSave",
    description="An answer to one question, by its number: the part of its kind, or none to take"
    " it back. `choices` are numbers of choices; `number` is digits, with a point before decimals."
    " An assignment is question 0.",
)
strawberry.input(
    grading_changes.GradeToGive,
    name="GradeToGive",
    description="Points and feedback for one answer, by the number of its question; together in"
    " the place of those before.",
)


@guarded_type(requires=SIGNED_IN, description="A submission was changed.", rows=Answer)
class SubmissionPayload(Payload):
    submission: Submission | None = resolved_by(
        grading_changes.submission, requires=SIGNED_IN, description="The submission, after."
    )


@guarded_type(requires=SIGNED_IN, description="What can be done with submissions.")
class SubmissionMutation:
    start_submission: SubmissionPayload | None = done_by(
        grading_changes.start_submission,
        requires=Permission.TAKE_COURSE_TRACKED,
        description="Begin a quiz or an assignment in one's open attempt, which begins with it if"
        " there is none; the submission that is open, where there is one.",
    )
    save_answers: SubmissionPayload | None = done_by(
        grading_changes.save_answers,
        requires=Permission.TAKE_COURSE_TRACKED,
        description="Keep answers of one's open submission: those named, and all or none.",
    )
    submit_answers: SubmissionPayload | None = done_by(
        grading_changes.submit_answers,
        requires=Permission.TAKE_COURSE_TRACKED,
        description="Hand in what was saved; what can be graded without a person is.",
    )
    grade_answers: SubmissionPayload | None = done_by(
        grading_changes.grade_answers,
        requires=Permission.GRADE_ANSWERS,
        description="Give points and feedback for answers, whoever graded them before; CONFLICT"
        " where somebody did since `atVersion`.",
    )
