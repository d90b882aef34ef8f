"""What questions about courses and about quizzes have in common."""

import datetime as dt
from typing import Any

import strawberry

from access.caller import Caller
from access.permissions import Scope
from operations.insights.cells import Narrow, Policy
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.moments import exact
from resolvers.references import Reference
from resolvers.seal import Cursor, Position

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


def of_course(row: Any, _: Caller) -> Reference:
    """Rights to insights are held on their course."""
    return Reference(Scope.COURSE, row.course_id)


def narrow(
    *,
    group_id: str | None,
    department: str | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
    include_staff: bool,
    attempts: Policy = Policy.FIRST,
) -> Narrow:
    """Whom figures are to be about, as it was said; raises Refused."""
    return Narrow(
        group_id=None if group_id is None else number_of(group_id, "LearnerGroup"),
        department=department,
        since=exact(since, "since"),
        until=exact(until, "until"),
        includes_staff=include_staff,
        policy=attempts,
    )


def position(root: Parent, info: Info) -> Cursor:
    """The place in the journal that insights are of."""
    context = info.context
    place = Position(root.epoch, context.signed_in.workspace_id, root.seq)
    return Cursor(context.seal.position(place))
