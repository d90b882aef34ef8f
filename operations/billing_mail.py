"""Billing mail: who gets it now, and why; and what was sent to whom.

What fills the templates:

INVOICE                 number, month (2026-10), active_members, price and total (EUR 1,234.50),
                        invoice_id
PAYMENT_METHOD_CHANGED  before (Visa ending in 4242, or null), after, changed_by (a name),
                        changed_at (ISO 8601, UTC)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, Select, Text, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Facts, Permission, Principal, decide, holders_of
from models.grants import Grant
from models.journal import cause_of
from models.mail import Mail, MailKind, MailState
from models.people import Member, MemberState
from operations import mail, visible

KINDS: Final = (MailKind.INVOICE, MailKind.PAYMENT_METHOD_CHANGED)
"""The kinds of mail that are billing mail."""

NOBODY: Final = (
    "There was nobody to send it to: no active finance manager, or, while there is none, no active"
    " workspace manager, has an address."
)


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who gets billing mail now, through `principal`. Without an address nothing can be
    sent to them."""

    workspace_id: int
    member_id: int
    name: str
    address: str | None
    principal: Principal
    reason: str


def seen_by(by: Caller) -> Select[Mail]:
    """The billing mail a caller may read about."""
    rows: Select[Mail] = visible.of_workspace(by, Mail, Permission.VIEW_BILLING)
    return rows.where(Mail.kind.in_(KINDS))


async def contacts(db: AsyncSession, *, workspace_id: int) -> list[Contact]:
    """Everybody whom the matrix gives RECEIVE_BILLING_MAIL now, by name.

    A role counts once it is effective: of an ACTIVE member, and not pending.
    """
    receiving = [who.value for who, _ in holders_of(Permission.RECEIVE_BILLING_MAIL)]
    places = (Grant.department_id, Grant.course_id, Grant.module_id, Grant.pending_until)
    held = func.array_agg(Grant.principal, type_=ARRAY(Text))
    rows = await db.execute(
        select(Member.id, Member.display_name, Member.email, held)
        .join(Grant, Grant.member_id == Member.id)
        .where(
            Member.workspace_id == workspace_id,
            Member.state == MemberState.ACTIVE,
            Member.deleted_at.is_(None),
            Grant.workspace_id == workspace_id,
            Grant.principal.in_(receiving),
            *(each.is_(None) for each in places),
        )
        .group_by(Member.id)
        .order_by(func.lower(Member.display_name), Member.id)
    )
    people = [(*row[:3], {Principal(each) for each in row[3]}) for row in rows]
    is_absent = not any(Principal.FINANCE_MANAGER in held for *_, held in people)
    facts = Facts(finance_manager_is_absent=is_absent)
    found = []
    for member_id, name, address, roles in people:
        decision = decide(roles, Permission.RECEIVE_BILLING_MAIL, facts)
        if decision.allowed and decision.principal is not None:
            found.append(
                Contact(workspace_id, member_id, name, address, decision.principal, decision.reason)
            )
    return found


async def send(
    db: AsyncSession,
    *,
    workspace_id: int,
    key: str,
    kind: MailKind,
    parameters: Mapping[str, Any],
) -> list[int]:
    """Queue a billing mail to everybody who gets them at this moment; their member ids.

    Each address gets it once. Where there is nobody, that is what the log says.
    """
    addresses: dict[str, tuple[int, str]] = {}
    for contact in await contacts(db, workspace_id=workspace_id):
        if contact.address:
            addresses.setdefault(contact.address.casefold(), (contact.member_id, contact.address))
    recipients = list(addresses.values())
    if recipients:
        await mail.queue(
            db,
            workspace_id=workspace_id,
            key=key,
            kind=kind,
            recipients=recipients,
            parameters=parameters,
        )
    else:
        await db.execute(
            insert(Mail).values(
                workspace_id=workspace_id,
                key=key,
                kind=kind,
                recipients=[],
                member_ids=[],
                parameters=dict(parameters),
                cause=cause_of(db),
                state=MailState.FAILED,
                last_error=NOBODY,
            )
        )
    return [member_id for member_id, _ in recipients]
