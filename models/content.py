"""What modules say: one draft, numbered published revisions, and the files attached.

`content` is one JSON document whose shape follows the module's kind; `operations.content` says
which, and is the only place that reads or writes it.
"""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Json


class ModuleDraft(Base):
    """What the next revision of a module would be. `version` grows with every edit, so that two
    editors notice each other. `last_id` is the last id given to a question or choice; none is
    given twice, whatever becomes of the draft."""

    __tablename__ = "module_draft"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "module_id"], ["module.workspace_id", "module.id"]),
        CheckConstraint("version > 0", name="version"),
    )

    module_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    content: Mapped[Json]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    last_id: Mapped[int] = mapped_column(default=0, server_default="0")
    edited_at: Mapped[CreatedAt]
    edited_by_id: Mapped[int | None] = mapped_column(BigInteger)


class ModuleRevision(Base):
    """What was published, as it was: a trigger refuses to change it. Numbers count up from 1 in
    each module.

    `title` is the module's when it was published.
    """

    __tablename__ = "module_revision"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "module_id"], ["module.workspace_id", "module.id"]),
        UniqueConstraint("module_id", "number"),
        CheckConstraint("number > 0", name="number"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    module_id: Mapped[int]
    number: Mapped[int]
    workspace_id: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    content: Mapped[Json]
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    published_at: Mapped[CreatedAt]
    published_by_id: Mapped[int | None] = mapped_column(BigInteger)


class Attachment(Base):
    """A file of a module. The bytes lie in the storage under `storage_key`; the row comes after
    them, so that no row names a file that is not there. Removed ones stay as long as a revision
    shows them."""

    __tablename__ = "attachment"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "module_id"], ["module.workspace_id", "module.id"]),
        UniqueConstraint("module_id", "id"),
        CheckConstraint("size >= 0", name="size"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    module_id: Mapped[int]
    file_name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    storage_key: Mapped[str] = mapped_column(Text)
    uploaded_at: Mapped[CreatedAt]
    uploaded_by_id: Mapped[int | None] = mapped_column(BigInteger)
    removed_at: Mapped[dt.datetime | None]


class RevisionAttachment(Base):
    """A file that a revision shows. As long as there is such a row, the file stays."""

    __tablename__ = "revision_attachment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["module_id", "number"], ["module_revision.module_id", "module_revision.number"]
        ),
        ForeignKeyConstraint(
            ["module_id", "attachment_id"], ["attachment.module_id", "attachment.id"]
        ),
        Index("ix_revision_attachment_attachment", "attachment_id"),
    )

    module_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attachment_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
