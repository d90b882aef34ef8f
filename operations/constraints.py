"""Refusals the database itself gives: the constraint decides, the sentence is ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import errors
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from operations.refusals import Refused


@asynccontextmanager
async def refused_by(db: AsyncSession, **refusals: Refused) -> AsyncIterator[None]:
    """Writes in this block that violate a constraint named here become its refusal.

    The block is a savepoint, so the transaction can go on after the refusal; any other
    violation is raised as it is.
    """
    try:
        async with db.begin_nested():
            yield
            await db.flush()
    except IntegrityError as violation:
        original = violation.orig
        name = original.diag.constraint_name if isinstance(original, errors.Error) else None
        if name in refusals:
            raise refusals[name] from None
        raise
