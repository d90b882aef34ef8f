"""Files that were brought, row by row."""

from models.jobs import ImportOutcome
from resolvers.jobs import imports
from schema.member import Member
from schema.requires import SIGNED_IN, column, guarded_type, resolved_by


@guarded_type(
    requires=SIGNED_IN,
    description="A file that was brought, and how many of its rows came to what, or would come.",
    rows=imports.Imported,
)
class Imported:
    file_name: str
    read_as: str | None = column(
        "read_as",
        requires=SIGNED_IN,
        description="How it was read: its encoding and why that one, and what divides its cells.",
    )
    is_applied: bool = column(
        "is_applied", requires=SIGNED_IN, description="Whether it was said that it is to be done."
    )
    created: int
    updated: int
    unchanged: int
    refused: int


@guarded_type(requires=SIGNED_IN, description="A cell of a row.", rows=imports.Cell)
class ImportCell:
    title: str
    text: str


@guarded_type(
    requires=SIGNED_IN,
    description="What became of one row of a file, or would become of it.",
    rows=imports.RowView,
)
class ImportRow:
    line: int = column(
        "line",
        requires=SIGNED_IN,
        description="Where it begins in the file, counted from 1 with everything above it.",
    )
    outcome: ImportOutcome
    member: Member | None = resolved_by(
        imports.member, requires=SIGNED_IN, description="Whom it is about; nobody yet if CREATED."
    )
    code: str | None = column("code", requires=SIGNED_IN, description="Why not, for programs.")
    message: str | None = column("message", requires=SIGNED_IN, description="The same, for people.")
    cells: list[ImportCell]
