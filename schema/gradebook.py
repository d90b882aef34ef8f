"""The gradebook of a course, or of one of its groups."""

from decimal import Decimal

from access.permissions import Permission
from models.progress import ProgressState
from resolvers.learning import gradebook
from schema.member import Member
from schema.module import Module
from schema.requires import INHERITED, column, guarded_type, resolved_by
from schema.submission import Submission

VIEWS = Permission.VIEW_ANSWERS


@guarded_type(
    requires=VIEWS,
    description="One learner at one quiz or assignment; only attempts that count.",
    rows=gradebook.CellView,
)
class GradebookCell:
    module: Module | None = column("module", requires=INHERITED, description="The column.")
    handed_in: int = column("handed_in", requires=INHERITED, description="How often it was.")
    to_grade: int = column("to_grade", requires=INHERITED, description="How many of these wait.")
    latest: Submission | None = resolved_by(
        gradebook.latest, requires=VIEWS, description="The last that is graded."
    )
    best: Submission | None = resolved_by(
        gradebook.best,
        requires=VIEWS,
        description="The one with the largest share of its points; of equal ones the last.",
    )


@guarded_type(requires=VIEWS, description="One learner.", rows=gradebook.Row)
class GradebookRow:
    member: Member | None = resolved_by(gradebook.member, requires=VIEWS, description="Who.")
    state: ProgressState
    percent: Decimal | None = column(
        "percent", requires=INHERITED, description="The score by the course's score policy."
    )
    cells: list[GradebookCell] | None = resolved_by(
        gradebook.cells,
        requires=VIEWS,
        description="One for each quiz and assignment of the course, in order.",
    )
