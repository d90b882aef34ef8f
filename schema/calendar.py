"""The address of one's own calendar, for programs that show calendars and sign in nowhere."""

from resolvers.answers import Answer
from resolvers.live_sessions import calendars
from schema.payloads import Payload
from schema.requires import SIGNED_IN, done_by, guarded_type, resolved_by


@guarded_type(
    requires=SIGNED_IN, description="The address of a calendar was made or ended.", rows=Answer
)
class CalendarFeedPayload(Payload):
    path: str | None = resolved_by(
        calendars.path,
        requires=SIGNED_IN,
        description="Where the calendar is on this server. Whoever has it reads the calendar; it"
        " is shown this once. Null when it was ended.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be done about one's own calendar.")
class CalendarMutation:
    renew_calendar_feed: CalendarFeedPayload | None = done_by(
        calendars.renew_calendar_feed,
        requires=SIGNED_IN,
        description="A new address for the viewer's calendar, as iCalendar, to subscribe to. The"
        " one before, if there is one, opens nothing any more.",
    )
    end_calendar_feed: CalendarFeedPayload | None = done_by(
        calendars.end_calendar_feed,
        requires=SIGNED_IN,
        description="Let the address of the viewer's calendar open nothing any more.",
    )
