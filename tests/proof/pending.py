"""Operations of the table that nothing in the product does yet. This list may only shrink."""

from typing import Final

PENDING: Final = frozenset(
    {
        "approve_held_change",
    }
)
