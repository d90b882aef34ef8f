"""Invitations of people who have no account yet, and who people are to those who sign them in."""

import datetime as dt
import uuid

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt


class Invitation(Base):
    """The one invitation of a PENDING member (C18).

    Of the code in the link only the SHA-256 is kept, and only until it is used: it opens once.
    Sending again replaces the code, so that links sent before no longer open anything.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index(
            "uq_invitation_code",
            "code_sha256",
            unique=True,
            postgresql_where=text("code_sha256 IS NOT NULL"),
        ),
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    code_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    invited_at: Mapped[CreatedAt]
    sent_count: Mapped[int] = mapped_column(default=1, server_default="1")
    last_sent_at: Mapped[CreatedAt]
    expires_at: Mapped[dt.datetime]
    accepted_at: Mapped[dt.datetime | None]
    cause: Mapped[uuid.UUID | None]


class InvitationDue(Base):
    """A PENDING member who was given something and may have to be invited.

    Only a note that somebody has to look: whoever looks decides by what is stored then, and
    removes the note in the same transaction. One that is there for nothing, or twice, harms
    nobody. Notes are added and removed, never changed, so who leaves one waits for nobody.
    """

    __tablename__ = "invitation_due"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger)
    workspace_id: Mapped[int]
    cause: Mapped[uuid.UUID | None]
    marked_at: Mapped[CreatedAt]


class InvitationDueSegment(Base):
    """A segment that gives something now to people it held before, some of whom may be PENDING.

    Whoever works the note off looks after its commit, in the order of ids, and notes them one by
    one; `after_id` is how far that went. A commit of the engine that was under way meanwhile
    leaves notes of its own, so nobody falls between the two.
    """

    __tablename__ = "invitation_due_segment"

    segment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    after_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    cause: Mapped[uuid.UUID | None]
    marked_at: Mapped[CreatedAt]


class SignInIdentity(Base):
    """Who a member is to an issuer: its exact name and the subject it vouches for.

    Bound at the first sign-in or with an invitation; one subject is one member of a workspace.
    """

    __tablename__ = "sign_in_identity"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("uq_sign_in_identity", "issuer", "subject", "workspace_id", unique=True),
        Index("ix_sign_in_identity_member", "member_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    member_id: Mapped[int] = mapped_column(BigInteger)
    bound_at: Mapped[CreatedAt]
