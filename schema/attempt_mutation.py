"""What can be done with attempts."""

from access.permissions import Permission
from operations.learning.completing import Completion
from operations.learning.resetting import Reset
from resolvers import done
from resolvers.answers import Answer
from resolvers.learning import attempt_changes
from schema.attempt import Attempt, AttemptModule
from schema.course import Course
from schema.member import Member
from schema.payloads import Payload
from schema.requires import SIGNED_IN, any_of, done_by, guarded_type, resolved_by

TAKES = any_of(Permission.TAKE_COURSE_TRACKED).by_operation()


@guarded_type(requires=SIGNED_IN, description="An attempt began or went on.", rows=Answer)
class AttemptPayload(Payload):
    attempt: Attempt | None = resolved_by(
        attempt_changes.attempt, requires=SIGNED_IN, description="The attempt, after."
    )
    module: AttemptModule | None = resolved_by(
        attempt_changes.module,
        requires=SIGNED_IN,
        description="The module it was about, with its content.",
    )
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What became of one person whose course was to be completed.",
    rows=attempt_changes.Completed,
)
class CompletionResult:
    outcome: Completion
    member: Member | None = resolved_by(
        attempt_changes.person, requires=SIGNED_IN, description="The person, where there is one."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What became of one person whose progress was to be reset.",
    rows=attempt_changes.WasReset,
)
class ResetResult:
    outcome: Reset
    member: Member | None = resolved_by(
        attempt_changes.person, requires=SIGNED_IN, description="The person, where there is one."
    )


@guarded_type(requires=SIGNED_IN, description="A course was completed for people.", rows=Answer)
class CompletionPayload(Payload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )
    results: list[CompletionResult] = resolved_by(
        attempt_changes.completed,
        requires=SIGNED_IN,
        description="One for each person, in the order they were named.",
    )


@guarded_type(requires=SIGNED_IN, description="Progress of people was reset.", rows=Answer)
class ResetPayload(Payload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )
    results: list[ResetResult] = resolved_by(
        attempt_changes.were_reset,
        requires=SIGNED_IN,
        description="One for each person, in the order they were named.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be done with attempts.")
class AttemptMutation:
    take_course_tracked: AttemptPayload | None = done_by(
        attempt_changes.take_course_tracked,
        requires=TAKES,
        description="Open a module of a course in one's attempt, which begins with it if none is"
        " open; without a module, begin one.",
    )
    retake_after_completion: AttemptPayload | None = done_by(
        attempt_changes.retake_after_completion,
        requires=any_of(Permission.RETAKE_AFTER_COMPLETION).by_operation(),
        description="Begin a course again: coordinators without limit, learners as its policy"
        " says, instructors never. An open further attempt goes on.",
    )
    complete_lesson: AttemptPayload | None = done_by(
        attempt_changes.complete_lesson,
        requires=TAKES,
        description="A lesson was read to its end.",
    )
    submit_attempt: AttemptPayload | None = done_by(
        attempt_changes.submit_attempt,
        requires=TAKES,
        description="Hand in one's attempt as it is: what is not done counts as failed.",
    )
    mark_complete: CompletionPayload | None = done_by(
        attempt_changes.mark_complete,
        requires=Permission.MARK_COMPLETE,
        description="Complete a course for up to 500 learners; one result for each. An ARCHIVED"
        " course too, while it is wound up; a DRAFT is COURSE_NOT_ACTIVE.",
    )
    reset_progress: ResetPayload | None = done_by(
        attempt_changes.reset_progress,
        requires=Permission.RESET_PROGRESS,
        description="Let up to 500 learners begin anew: what they did stays readable and counts no"
        " longer. Certificates stay, unless they are to be removed too.",
    )
