"""How the engine fares, as programs that watch it read it: gauges in the text format of
Prometheus, version 0.0.4."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from operations.health import Health, Verified, Waiting

MEDIA_TYPE: Final = "text/plain; version=0.0.4"

OF_LANES: Final[Sequence[tuple[str, str, Callable[[Waiting], float]]]] = (
    (
        "coordinator_waiting_markers",
        "What the engine has still to look at.",
        lambda lane: lane.waiting,
    ),
    (
        "coordinator_oldest_marker_seconds",
        "Since when the oldest of these waits.",
        lambda lane: lane.oldest_seconds,
    ),
)

OF_WORKSPACES: Final[Sequence[tuple[str, str, Callable[[Health], float]]]] = (
    (
        "coordinator_parked_people",
        "With whom the engine fails; must be 0.",
        lambda health: health.parked,
    ),
    (
        "coordinator_given_up_people",
        "Of these, who is tried again only when somebody says so.",
        lambda health: health.given_up,
    ),
    (
        "coordinator_open_holds",
        "Holds whose removals wait for somebody's word.",
        lambda health: health.open_holds,
    ),
    (
        "coordinator_held_removals",
        "Removals that wait in these.",
        lambda health: health.held_removals,
    ),
)

OF_VERIFICATIONS: Final[Sequence[tuple[str, str, Callable[[Verified], float]]]] = (
    (
        "coordinator_drift_pairs",
        "What differs from a recomputation; must be 0.",
        lambda verified: verified.drift,
    ),
    (
        "coordinator_verified_timestamp_seconds",
        "When that was last looked at.",
        lambda verified: verified.at.timestamp(),
    ),
)


def as_metrics(found: Sequence[Health]) -> Iterator[str]:
    """Lines without their ends. The only labels are lanes and short names of workspaces, which are
    of a-z, 0-9 and -, so nothing in them needs to be escaped."""
    for name, meaning, of_lane in OF_LANES:
        yield from _gauge(
            name,
            meaning,
            [
                (f'workspace="{each.slug}",lane="{lane.name}"', of_lane(lane))
                for each in found
                for lane in each.lanes
            ],
        )
    for name, meaning, of_workspace in OF_WORKSPACES:
        values = [(f'workspace="{each.slug}"', of_workspace(each)) for each in found]
        yield from _gauge(name, meaning, values)
    for name, meaning, of_verification in OF_VERIFICATIONS:
        yield from _gauge(
            name,
            meaning,
            [
                (f'workspace="{each.slug}"', of_verification(each.verified))
                for each in found
                if each.verified is not None
            ],
        )


def _gauge(name: str, meaning: str, values: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Values in full: a moment cut to six digits would be hours away."""
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} gauge"
    yield from (f"{name}{{{labels}}} {value!r}" for labels, value in values)
