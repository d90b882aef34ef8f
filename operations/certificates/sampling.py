"""A certificate of nobody, to look at a template with."""

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Course
from models.workspaces import Workspace
from operations.certificates import printing
from operations.certificates.days import Days
from operations.certificates.templates import Content

NAME: Final = "Alex Example"
CODE: Final = "0000-0000-0000-0000-0000-0000-0000"
"""A code no certificate has: chance does not make it."""

SCORE: Final = Decimal("87.5")


async def sample(
    db: AsyncSession, *, course: Course, content: Content, at: dt.datetime
) -> dict[str, Any]:
    """What a certificate of the course would say that was earned and issued now."""
    workspace = await db.get_one(Workspace, course.workspace_id)
    days = Days(workspace, course, at)
    return printing.printed(content, days.facts_of(NAME, at, SCORE, 0))
