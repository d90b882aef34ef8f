"""How the engine fares, seen and repaired by whoever may manage it (S13)."""

import datetime as dt

from access.permissions import Permission
from models.markers import ParkedMember
from operations import health
from operations.health import EngineLane
from resolvers import done
from resolvers import health as answered
from resolvers.answers import Answer
from schema.member import Member
from schema.paging import Connection
from schema.payloads import Payload
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded_type,
    resolved_by,
)

MANAGE = Permission.PAUSE_RESUME_SYNC


@guarded_type(
    requires=SIGNED_IN,
    description="What waits in one of the engine's lanes.",
    rows=health.Waiting,
)
class LaneHealth:
    lane: EngineLane = column("name", requires=INHERITED, description="Which lane.")
    waiting: int = column(
        "waiting", requires=INHERITED, description="How much waits; at most 10,000 is counted."
    )
    oldest_seconds: float = column(
        "oldest_seconds",
        requires=INHERITED,
        description="Since how many seconds the oldest of it waits; 0 where nothing does.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What the last comparison of all memberships with a recomputation found. Pairs of a"
    " person and a segment can be more than an Int holds.",
    rows=health.Verified,
)
class EngineVerification:
    at: dt.datetime
    pairs: float = column("pairs", requires=INHERITED, description="Pairs that were judged.")
    missing: float = column(
        "missing", requires=INHERITED, description="Who should be in a segment and was not."
    )
    extra: float = column(
        "extra", requires=INHERITED, description="Who was in a segment and should not be."
    )
    needless: float = column(
        "needless",
        requires=INHERITED,
        description="Roles that are said to end although something gives them.",
    )
    pending: float = column(
        "pending",
        requires=INHERITED,
        description="Pairs that were not judged, because the engine had yet to look at them.",
    )
    drift: float = column(
        "drift",
        requires=INHERITED,
        description="`missing`, `extra` and `needless` together; must be 0.",
    )


@guarded_type(
    requires=MANAGE,
    description="Somebody with whom the engine fails, set aside so that everybody else goes on.",
    rows=ParkedMember,
)
class ParkedPerson:
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="The person, if there still is one."
    )
    failures: int = column(
        "failures", requires=INHERITED, description="How often the engine has failed in a row."
    )
    error: str | None = column(
        "error",
        requires=any_of((MANAGE, Permission.LIST_ALL_MEMBERS)),
        description="How it failed last. It may quote an attribute of the person, so it asks for"
        " the right to read these, too.",
    )
    since: dt.datetime = column(
        "since",
        requires=INHERITED,
        description="When the oldest change happened that is not reflected.",
    )
    parked_at: dt.datetime = column(
        "parked_at", requires=INHERITED, description="When the engine failed last."
    )
    retry_at: dt.datetime | None = column(
        "retry_at",
        requires=INHERITED,
        description="When it tries again by itself; null: only when somebody says so.",
    )


@guarded_type(
    requires=MANAGE,
    description="How the engine fares with this workspace.",
    rows=health.Health,
)
class EngineHealth:
    needs_somebody: bool = column(
        "needs_somebody",
        requires=INHERITED,
        description="Whether the engine has given up on people, or its verification found drift.",
    )
    lanes: list[LaneHealth] = column(
        "lanes", requires=INHERITED, description="What waits, in each lane."
    )
    parked: int = column(
        "parked", requires=INHERITED, description="People with whom the engine fails."
    )
    given_up: int = column(
        "given_up",
        requires=INHERITED,
        description="Of these, how many are tried again only when somebody says so.",
    )
    open_holds: int = column(
        "open_holds", requires=INHERITED, description="Holds in which removals wait for a decision."
    )
    held_removals: int = column(
        "held_removals", requires=INHERITED, description="Removals that wait in these."
    )
    verified: EngineVerification | None = column(
        "verified", requires=INHERITED, description="The last verification; null: none has ended."
    )
    parked_people: Connection[ParkedPerson] | None = resolved_by(
        answered.parked_people,
        requires=MANAGE,
        description="With whom the engine fails; of those it has given up on, or not.",
    )


@guarded_type(requires=SIGNED_IN, description="Parked people are tried again.", rows=Answer)
class RetryPayload(Payload):
    retried_count: int | None = column(
        "people_count", requires=SIGNED_IN, description="How many people that were."
    )
    health: EngineHealth | None = resolved_by(
        answered.done, requires=SIGNED_IN, description="How the engine fares, after."
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be asked.")
class HealthQuery:
    health: EngineHealth | None = resolved_by(
        answered.health,
        requires=any_of(MANAGE).by_operation(),
        description="What waits in each lane, with whom the engine fails, what its verification"
        " found, and what is held.",
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be done.")
class HealthMutation:
    retry_parked_people: RetryPayload | None = done_by(
        answered.retry_parked_people,
        requires=MANAGE,
        description="Have the engine look again at those it fails with, these or all, as often as"
        " at first. Who is not parked is passed over.",
    )
