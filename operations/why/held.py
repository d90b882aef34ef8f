"""Who is in a segment only because the removal waits for somebody's word (S11), now."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.holds.reading import held_in
from operations.why import wording
from operations.why.answers import SegmentReason


async def with_held(
    db: AsyncSession, member: Member, reasons: Sequence[SegmentReason]
) -> list[SegmentReason]:
    """The reasons, saying so where it is. Asked only of segments whose rule does not say why."""
    doubtful = [each.segment_id for each in reasons if _is_doubtful(each)]
    if not doubtful:
        return list(reasons)
    held = await held_in(db, member.workspace_id, member.id, doubtful)
    return [
        replace(each, is_held=True, sentences=(wording.WAITS, *each.sentences))
        if each.segment_id in held
        else each
        for each in reasons
    ]


def _is_doubtful(reason: SegmentReason) -> bool:
    is_explained = reason.explanation is not None and reason.explanation.truth
    return reason.is_member and not is_explained
