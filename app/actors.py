"""Operations that workers run when a message or the sweeper says so.

They are declared here because the sync engine may not know operations. Each gets the edge of the
process, or its post office, opens its own transactions with it, and returns whether more is left.
"""

import datetime as dt
from typing import Final

from app import webhooks
from app.invoices import settling
from app.jobs import Workshop
from app.mail.office import PostOffice
from operations import deliveries, grace_mail, invitees, invoices, mail, pending
from operations.certificates import issuing, statements
from operations.edge import Edge
from operations.holds import alerting
from operations.insights import folding
from operations.jobs import keeping, working
from operations.learning import abandoning
from operations.live_sessions import closing
from sync_engine.bell import APPLY_INBOX, Wake
from sync_engine.broker import FILES, LATER
from sync_engine.duties import Actor, actor

INVITE_DUE: Final = Wake("invitations.invite_due", LATER)
SEND_MAIL: Final = Wake("mail.send_queued", LATER)
LAPSE_GRANTS: Final = Wake("grants.lapse_pending", LATER)
ABANDON_ATTEMPTS: Final = Wake("attempts.abandon_ended", LATER)
SETTLE_MONTHS: Final = Wake("invoices.settle_months", LATER)
EXPIRE_CERTIFICATES: Final = Wake("certificates.expire_due", LATER)
END_WAITLISTS: Final = Wake("waitlists.end_begun", LATER)
FOLD_INSIGHTS: Final = Wake("insights.fold_markers", LATER)
RELEASE_SEATS: Final = Wake("seats.release_left", LATER)
TELL_ENDING: Final = Wake("grace.tell_ending", LATER)
TELL_HOLDS: Final = Wake("holds.tell_opened", LATER)
MAKE_FILES: Final = Wake("files.make_asked", FILES)
EXPIRE_FILES: Final = Wake("files.expire_kept", LATER)

_DELIVERIES_A_TURN: Final = 200
_GRANTS_A_TURN: Final = 500
_ATTEMPTS_A_TURN: Final = 500
_MONTHS_A_TURN: Final = 200
_CERTIFICATES_A_TURN: Final = 500
_LIVE_SESSIONS_A_TURN: Final = 100
_HOLDS_A_TURN: Final = 100
_ROLES_A_TURN: Final = 500
_BLOCKS_A_TURN: Final = 8


@actor(APPLY_INBOX, pending=deliveries.PENDING)
async def apply_inbox(edge: Edge) -> bool:
    """What identity providers delivered is applied, parked or quarantined, or more is left."""
    applied = await webhooks.apply_pending(
        edge, limit=_DELIVERIES_A_TURN, at=dt.datetime.now(dt.UTC)
    )
    return applied == _DELIVERIES_A_TURN


@actor(LAPSE_GRANTS, pending=pending.LAPSED, every=30.0)
async def lapse_pending_grants(edge: Edge) -> bool:
    """Nothing waits for an account longer than it was promised, or more is left."""
    async with edge.transaction() as db:
        lapsed = await pending.lapse(db, at=dt.datetime.now(dt.UTC), limit=_GRANTS_A_TURN)
    return lapsed == _GRANTS_A_TURN


@actor(ABANDON_ATTEMPTS, pending=abandoning.PENDING, every=30.0)
async def abandon_ended_attempts(edge: Edge) -> bool:
    """No attempt is open that began under a role which has ended, but of learners; or more is
    left."""
    async with edge.transaction() as db:
        found = await abandoning.sweep(db, limit=_ATTEMPTS_A_TURN)
    return found == _ATTEMPTS_A_TURN


@actor(SETTLE_MONTHS, pending=invoices.PENDING, every=30.0)
async def settle_months(edge: Edge) -> bool:
    """Every month that is over, and cost something, has its one invoice; or more is left."""
    settled = await settling.settle_due(edge, at=dt.datetime.now(dt.UTC), limit=_MONTHS_A_TURN)
    return settled == _MONTHS_A_TURN


@actor(END_WAITLISTS, pending=closing.BEGUN, every=5.0)
async def end_waitlists(edge: Edge) -> bool:
    """The waitlist of every live session that has begun has ended, and who waited was told; or
    more is left."""
    async with edge.transaction() as db:
        ended = await closing.end_waitlists(
            db, at=dt.datetime.now(dt.UTC), limit=_LIVE_SESSIONS_A_TURN
        )
    return ended == _LIVE_SESSIONS_A_TURN


@actor(RELEASE_SEATS, pending=closing.LEFT, every=15.0)
async def release_seats(edge: Edge) -> bool:
    """Nobody who has left a course has a seat of its live sessions to come; or more is left."""
    async with edge.transaction() as db:
        found = await closing.release_left(
            db, at=dt.datetime.now(dt.UTC), limit=_LIVE_SESSIONS_A_TURN
        )
    return found == _LIVE_SESSIONS_A_TURN


@actor(EXPIRE_CERTIFICATES, pending=statements.EXPIRED, every=30.0)
async def expire_certificates(edge: Edge) -> bool:
    """No certificate says ISSUED whose time is over, or more is left. Readers need not wait."""
    async with edge.transaction() as db:
        expired = await issuing.expire(db, at=dt.datetime.now(dt.UTC), limit=_CERTIFICATES_A_TURN)
    return expired == _CERTIFICATES_A_TURN


@actor(FOLD_INSIGHTS, pending=folding.PENDING, every=2.0)
async def fold_insights(edge: Edge) -> bool:
    """What changed on a course or in a quiz is in its summary, or more is left. Readers need not
    wait: what is not there yet they count."""
    async with edge.transaction() as db:
        folded = await folding.fold(
            db, at=dt.datetime.now(dt.UTC), limit=_BLOCKS_A_TURN, settled=folding.SETTLED
        )
    return folded > 0


@actor(TELL_ENDING, pending=grace_mail.PENDING, every=5.0)
async def tell_ending(edge: Edge) -> bool:
    """Whose role has been ending for a minute has a mail on its way, or more is left."""
    async with edge.transaction() as db:
        told = await grace_mail.tell(db, at=dt.datetime.now(dt.UTC), limit=_ROLES_A_TURN)
    return told >= _ROLES_A_TURN


@actor(TELL_HOLDS, pending=alerting.PENDING, every=2.0)
async def tell_holds(edge: Edge) -> bool:
    """Workspace managers have been written to about every hold, or more is left."""
    async with edge.transaction() as db:
        told = await alerting.tell(db, at=dt.datetime.now(dt.UTC), limit=_HOLDS_A_TURN)
    return told == _HOLDS_A_TURN


OPERATIONS: Final[tuple[Actor[Edge], ...]] = (
    tell_holds,
    apply_inbox,
    lapse_pending_grants,
    abandon_ended_attempts,
    end_waitlists,
    release_seats,
    fold_insights,
    expire_certificates,
    settle_months,
    tell_ending,
)


@actor(INVITE_DUE, pending=invitees.PENDING)
async def invite_due(office: PostOffice) -> bool:
    """Whoever holds something and has no account was sent one invitation, or more is left."""
    return await office.invite()


@actor(SEND_MAIL, pending=mail.PENDING)
async def send_queued(office: PostOffice) -> bool:
    """No mail that is due waits in the outbox, unless nobody takes it just now; or more is left."""
    return await office.send()


MAILING: Final[tuple[Actor[PostOffice], ...]] = (invite_due, send_queued)


@actor(MAKE_FILES, pending=working.PENDING)
async def make_files(workshop: Workshop) -> bool:
    """Somebody is at work on the files that were asked for."""
    workshop.begin()
    return False


@actor(EXPIRE_FILES, pending=keeping.EXPIRED, every=10.0)
async def expire_files(workshop: Workshop) -> bool:
    """Of no job that is over are there bytes beyond their time, or more is left."""
    return await workshop.expire(at=dt.datetime.now(dt.UTC))


MAKING: Final[tuple[Actor[Workshop], ...]] = (make_files, expire_files)
