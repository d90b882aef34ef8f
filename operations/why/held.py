"""Who is, or was, in a segment only because the removal waits for somebody's word (S11).

Of the past rows tell only what waits to this day. For what has been decided since, the hold tells:
while one of a segment is open, every removal from it waits; so whoever was in it against its rule,
and was not pinned, waited. (For the moments until the engine had seen the person, that is said a
little early.) Of holds of the whole workspace only the rows tell.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from models.segments import SegmentState
from operations.holds.reading import held_in, open_at
from operations.why import wording
from operations.why.answers import SegmentReason
from operations.why.places import Place


async def with_held(
    db: AsyncSession, member: Member, reasons: Sequence[SegmentReason], place: Place
) -> list[SegmentReason]:
    """The reasons, saying so where it is. Asked only of segments whose rule does not say why."""
    doubtful = [each.segment_id for each in reasons if _is_doubtful(each)]
    if not doubtful or place.at is None:
        return list(reasons)
    at = place.at if place.is_past else None
    held = await held_in(db, member.workspace_id, member.id, doubtful, at=at)
    against = [each.segment_id for each in reasons if _is_against(each)] if at else []
    if at is not None and against:
        held |= await open_at(db, member.workspace_id, against, at=at)
    words = wording.WAITED if place.is_past else wording.WAITS
    return [
        replace(each, is_held=True, sentences=(words, *each.sentences))
        if each.segment_id in held
        else each
        for each in reasons
    ]


def _is_doubtful(reason: SegmentReason) -> bool:
    is_explained = reason.explanation is not None and reason.explanation.truth
    return reason.is_member and reason.pin is None and not is_explained


def _is_against(reason: SegmentReason) -> bool:
    """Whether the rule, which was followed, said that the person was not in it."""
    is_followed = reason.explanation is not None and reason.state is SegmentState.ACTIVE
    return is_followed and _is_doubtful(reason)
