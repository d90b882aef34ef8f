"""What permissions.csv says, read without the program's own matrix: the proof's second opinion."""

import csv
from pathlib import Path
from typing import Final, NamedTuple

TABLE: Final = Path(__file__).parents[1] / "data" / "permissions.csv"


class Cell(NamedTuple):
    """`allow` is yes, no, self or cond; `condition` is the table's own words."""

    allow: str
    condition: str


def _read() -> dict[tuple[str, str], Cell]:
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = {
        (row["operation"], row["principal"]): Cell(row["allow"], row["condition"]) for row in rows
    }
    assert len(cells) == len(rows)
    return cells


CELLS: Final = _read()
OPERATIONS: Final = tuple(dict.fromkeys(operation for operation, _ in CELLS))
PRINCIPALS: Final = tuple(dict.fromkeys(principal for _, principal in CELLS))
PEOPLE: Final = tuple(each for each in PRINCIPALS if each not in ("anonymous", "idp_service"))

HELD_ON: Final = {
    "workspace_manager": "workspace",
    "finance_manager": "workspace",
    "invite": "workspace",
    "department_manager": "department",
    "dept_create": "department",
    "dept_enroll": "department",
    "dept_teach": "department",
    "course_edit": "course",
    "course_enroll": "course",
    "course_teach": "course",
    "module_edit": "module",
    "instructor": "course",
    "coordinator_direct": "course",
    "coordinator_derived": "course",
    "learner": "course",
    "anonymous": "workspace",
    "idp_service": "workspace",
}
"""What each principal is held on: the first paragraph of section 3 of the specification."""

ACTIVE, SELF, MINE, MY_GROUP = "the course is active", "about oneself", "made it", "my group"
USABLE, NO_FINANCE, RETAKE = "usable segment", "no finance manager", "retake is open"
READABLE, BILLING, WITHIN = "readable field", "about billing", "own scope"

FACT_OF: Final = {
    "only while the workspace has no finance manager (our decision)": NO_FINANCE,
    "own courses only": MINE,
    "own modules only": MINE,
    "own content only": MINE,
    "segment must be marked usable by department managers": USABLE,
    "usable segments only": USABLE,
    "course retake policy": RETAKE,
    "only inside groups they created": MY_GROUP,
    "only groups they created": MY_GROUP,
    "course must be ACTIVE": ACTIVE,
    "only fields they may read": READABLE,
    "billing events only": BILLING,
    "own department's courses": WITHIN,
    "own course": WITHIN,
    "own department": WITHIN,
}
"""What must be so for a `cond` cell, by the table's words."""


def fact_needed(cell: Cell) -> str | None:
    """The fact a cell hangs on; None where it says yes or no."""
    if cell.allow == "self":
        return SELF
    return FACT_OF[cell.condition] if cell.allow == "cond" else None


def allows(
    operation: str, principal: str, *, is_held_here: bool, facts: frozenset[str] = frozenset()
) -> bool:
    """Whether the table allows it to somebody who is (or is not) the principal of this thing."""
    cell = CELLS[operation, principal]
    if cell.allow == "no" or not is_held_here:
        return False
    needed = fact_needed(cell)
    return needed is None or needed in facts


ASKED_OF_WORKSPACE: Final = frozenset(
    {
        "view_billing",
        "update_payment_method",
        "receive_billing_mail",
        "grant_workspace_manager",
        "grant_finance_manager",
        "grant_invite_permission",
        "add_member",
        "resend_invitation",
        "list_all_members",
        "search_members_picker",
        "deactivate_member",
        "view_active_members_report",
        "edit_attribute_schema",
        "create_department",
        "list_courses_i_manage",
        "search_segments_typeahead",
        "create_edit_segment",
        "preview_segment_change",
        "pause_resume_sync",
        "approve_held_change",
        "view_audit_log",
        "ingest_idp_event",
        "replay_idp_event",
        "verify_certificate_by_code",
    }
)
ASKED_OF_DEPARTMENT: Final = frozenset({"manage_department_team", "create_course", "create_module"})
ASKED_OF_MODULE: Final = frozenset(
    {
        "grant_module_permission",
        "edit_module_content",
        "publish_revert_module",
        "preview_untracked",
    }
)
SCOPES: Final = ("workspace", "department", "course", "module")


def asked_of(operation: str) -> str:
    """The largest thing the operation is asked of: what its sentence in the specification names."""
    if operation in ASKED_OF_WORKSPACE:
        return "workspace"
    if operation in ASKED_OF_DEPARTMENT:
        return "department"
    return "module" if operation in ASKED_OF_MODULE else "course"
