"""Due dates: how they changed, and changing them."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import progress as stored
from models.progress import DueDateOf
from operations.learning.due_dates import DueDateOutcome, Redated
from resolvers import done
from resolvers.answers import Answer
from resolvers.learning import due_dates
from resolvers.learning.enrolments import member, member_id
from schema.member import Member
from schema.payloads import Payload
from schema.requires import SIGNED_IN, column, done_by, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course
    from schema.group import LearnerGroup


@guarded_type(
    requires=SIGNED_IN,
    description="One change of a due date: of a course, a group, or one learner.",
    rows=stored.DueDateChange,
)
class DueDateChange:
    of: DueDateOf
    before: dt.datetime | None = column(
        "before",
        requires=SIGNED_IN,
        description="The date before; null where there was none of its own.",
    )
    after: dt.datetime | None = column(
        "after", requires=SIGNED_IN, description="The date after; null: what is around it holds."
    )
    reason: str | None
    changed_at: dt.datetime
    changed_by: Member | None = resolved_by(
        due_dates.changed_by, requires=SIGNED_IN, description="Who changed it."
    )
    group: Annotated["LearnerGroup", strawberry.lazy("schema.group")] | None = resolved_by(
        due_dates.changed_group, requires=SIGNED_IN, description="The group whose date it is."
    )


@guarded_type(
    requires=SIGNED_IN, description="What became of one learner's due date.", rows=Redated
)
class RedatedLearner:
    outcome: DueDateOutcome
    member_id: strawberry.ID = resolved_by(
        member_id, requires=SIGNED_IN, description="The id that was named."
    )
    member: Member | None = resolved_by(member, requires=SIGNED_IN, description="The person.")


@guarded_type(requires=SIGNED_IN, description="Due dates were changed.", rows=Answer)
class DueDatePayload(Payload):
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course."
    )
    results: list[RedatedLearner] = resolved_by(
        due_dates.results, requires=SIGNED_IN, description="One for each id, in their order."
    )


@guarded_type(requires=SIGNED_IN, description="Changing due dates.")
class DueDateMutation:
    update_due_date: DueDatePayload | None = done_by(
        due_dates.update_due_date,
        requires=Permission.UPDATE_DUE_DATE,
        description="Give up to 500 learners a due date of their own; null takes it back, and that"
        " of their groups or the course holds. One that is over needs `allowPast`.",
    )
