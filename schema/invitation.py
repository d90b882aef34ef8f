"""Invitations of people who have no account yet."""

from access.permissions import Permission
from resolvers import invitations
from schema.payloads import MemberPayload
from schema.requires import SIGNED_IN, done_by, guarded_type


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be done.")
class InvitationMutation:
    resend_invitation: MemberPayload | None = done_by(
        invitations.resend_invitation,
        requires=Permission.RESEND_INVITATION,
        description="A new link for somebody who holds something and has no account yet; links "
        "sent before open nothing any more. Refused: NO_ADDRESS, NOTHING_GIVEN, ACCOUNT_EXISTS, "
        "MEMBER_DEACTIVATED, and TOO_SOON with the seconds left.",
    )
