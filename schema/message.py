"""What every message of a stream says."""

import datetime as dt

from resolvers.concerned import EventKind
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type
from schema.scalars import Cursor


@guarded_type(requires=SIGNED_IN, description="What every message of a stream says.")
class Message:
    kind: EventKind
    cursor: Cursor = column(
        "cursor", requires=INHERITED, description="Subscribe `after:` it to go on from here."
    )
    at: dt.datetime
    reason: str | None = column(
        "reason", requires=INHERITED, description="Why the stream ends, where this is its end."
    )
