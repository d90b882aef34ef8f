"""The active-members report: a figure for each month, and no person behind it."""

import datetime as dt

from access.permissions import Permission
from operations import activity as operation
from resolvers import activity
from schema.requires import SIGNED_IN, any_of, column, guarded_type, resolved_by


@guarded_type(requires=SIGNED_IN, description="One month of the report.", rows=operation.Month)
class ActiveMembersMonth:
    month: dt.date = column(
        "month", requires=SIGNED_IN, description="Its first day, in the workspace's time zone."
    )
    active_members: int = column(
        "active_members", requires=SIGNED_IN, description="How many people signed in during it."
    )
    is_over: bool = column(
        "is_over", requires=SIGNED_IN, description="Whether the figure is final."
    )


@guarded_type(
    requires=Permission.VIEW_ACTIVE_MEMBERS_REPORT,
    description="How many people signed in during each month, which is not how many there are.",
    rows=operation.Report,
)
class ActiveMembersReport:
    time_zone: str
    months: list[ActiveMembersMonth]


@guarded_type(requires=SIGNED_IN, description="What can be asked about activity.")
class ActivityQuery:
    view_active_members_report: ActiveMembersReport | None = resolved_by(
        activity.view_active_members_report,
        requires=any_of(Permission.VIEW_ACTIVE_MEMBERS_REPORT).by_operation(),
        description="Every month from that of one day to that of another; without days the last "
        "twelve, the present one included.",
    )
