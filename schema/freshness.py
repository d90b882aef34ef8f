"""How current what the engine derived is."""

import datetime as dt

from operations import freshness
from resolvers import segments
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type, resolved_by
from schema.scalars import Cursor


@guarded_type(
    requires=SIGNED_IN,
    description="Up to which event everything is reflected.",
    rows=freshness.Freshness,
)
class Freshness:
    is_current: bool
    as_of_event: Cursor = resolved_by(
        segments.as_of_event,
        requires=SIGNED_IN,
        description="Everything up to this place in the journal is reflected.",
    )
    as_of_time: dt.datetime = column(
        "at", requires=INHERITED, description="The time of that place."
    )
    waiting_people: int = column(
        "waiting_people",
        requires=INHERITED,
        description="People of the workspace the engine still has to look at; at most 10,000.",
    )
    waiting_blocks: int = column(
        "waiting_blocks",
        requires=INHERITED,
        description="Blocks of 4,096 people a changed rule has still to be applied to.",
    )
    parked_people: int = column(
        "parked_people",
        requires=INHERITED,
        description="People of the workspace with whom the engine fails; nothing since the oldest"
        " of their changes is said to be reflected.",
    )
