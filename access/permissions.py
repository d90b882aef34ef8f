"""Who may do what. Nothing else in this code base grants anything.

    Y  yes, inside the scope where the role is held        .  no

and, each only under one condition:

    s  on or about oneself                     a  while the course is active
    o  on content one has created              g  inside groups one has created
    f  no finance manager in the workspace     u  the segment is marked usable
    r  as the retake policy allows             v  for the fields one may read
    b  for billing events                      w  in one's own department or course

Each row also says what the permission is asked of. A role held on something that contains the
thing asked about counts (the manager of a department, asked about one of its courses). A role held
on something inside it counts too (an instructor of any course, asked about searching the members
of the workspace): the cell of such a role could mean nothing else. A module lies in its department
and in every course that uses it.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from functools import cache

from access.reading import Cell, MatrixIsBroken, read_matrix
from access.words import GRANTED_ON, Condition, Permission, Principal, Scope

__all__ = [
    "ANYONE",
    "CELLS",
    "GRANTED_ON",
    "MATRIX",
    "NO_FACTS",
    "SHOW_A_MODULE",
    "Cell",
    "Condition",
    "Decision",
    "Facts",
    "MatrixIsBroken",
    "Permission",
    "Principal",
    "Requirement",
    "Scope",
    "allows",
    "conditions_of",
    "decide",
    "holders_of",
    "may_ever",
    "read_matrix",
    "requirement",
    "scope_of",
]

MATRIX = """
                             asked of    WM FM DM  DC DE DT  CE CN CT  ME  IN CO CD  IV LN  AN ID
-- money
view_billing                 workspace   Y  Y  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
update_payment_method        workspace   Y  Y  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
receive_billing_mail         workspace   f  Y  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
-- people
grant_workspace_manager      workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
grant_finance_manager        workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
grant_invite_permission      workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
add_member                   workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   Y  .   .  .
resend_invitation            workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   Y  .   .  .
list_all_members             workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   Y  .   .  .
search_members_picker        workspace   Y  .  Y   .  Y  .   .  Y  .   .   Y  Y  Y   Y  .   .  .
deactivate_member            workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
view_active_members_report   workspace   Y  Y  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
edit_attribute_schema        workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
-- departments and grants
create_department            workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
manage_department_team       department  Y  .  Y   .  .  .   .  .  .   .   .  .  .   .  .   .  .
grant_course_permission      course      Y  .  Y   .  .  .   .  .  .   .   .  .  .   .  .   .  .
grant_module_permission      module      Y  .  Y   .  .  .   .  .  .   .   .  .  .   .  .   .  .
-- courses
create_course                department  Y  .  Y   Y  .  .   .  .  .   .   .  .  .   .  .   .  .
view_course_info             course      Y  .  Y   Y  Y  Y   Y  Y  Y   Y   Y  Y  Y   .  Y   .  .
edit_course_info             course      Y  .  Y   o  .  .   Y  .  .   .   Y  .  .   .  .   .  .
add_remove_modules           course      Y  .  Y   o  .  .   Y  .  .   .   Y  .  .   .  .   .  .
change_course_state          course      Y  .  Y   o  .  .   Y  .  .   .   Y  .  .   .  .   .  .
-- instructors and coordinators
assign_instructor            course      Y  .  Y   .  .  .   .  .  .   .   Y  .  .   .  .   .  .
assign_direct_coordinator    course      Y  .  Y   .  .  .   .  .  .   .   Y  .  .   .  .   .  .
attach_segment               course      Y  .  u   .  .  .   .  .  .   .   .  .  .   .  .   .  .
exclude_derived_coordinator  course      Y  .  Y   .  .  .   .  .  .   .   Y  .  .   .  .   .  .
view_coordinator_names       course      Y  .  Y   Y  Y  Y   Y  Y  Y   Y   Y  Y  Y   .  Y   .  .
view_coordinator_sources     course      Y  .  Y   .  .  .   .  .  .   .   Y  s  s   .  .   .  .
-- content
create_module                department  Y  .  Y   Y  .  .   .  .  .   .   Y  .  .   .  .   .  .
edit_module_content          module      Y  .  Y   o  .  .   .  .  .   Y   Y  .  .   .  .   .  .
publish_revert_module        module      Y  .  Y   o  .  .   .  .  .   Y   Y  .  .   .  .   .  .
preview_untracked            module      Y  .  Y   o  .  Y   .  .  Y   Y   Y  .  .   .  .   .  .
-- taking a course
take_course_tracked          course      .  .  .   .  .  .   .  .  .   .   s  s  s   .  s   .  .
retake_after_completion      course      .  .  .   .  .  .   .  .  .   .   .  s  s   .  r   .  .
-- learners and groups
assign_learner               course      Y  .  Y   .  Y  .   .  g  .   .   Y  Y  Y   .  .   .  .
unassign_learner             course      Y  .  Y   .  Y  .   .  g  .   .   Y  Y  Y   .  .   .  .
create_group                 course      Y  .  Y   .  Y  .   .  Y  .   .   Y  Y  Y   .  .   .  .
modify_own_group             course      Y  .  Y   .  Y  .   .  Y  .   .   Y  Y  Y   .  .   .  .
modify_existing_group        course      Y  .  Y   .  Y  .   .  .  .   .   Y  Y  Y   .  .   .  .
enroll_facilitator           course      Y  .  Y   .  Y  .   .  .  .   .   Y  .  .   .  .   .  .
list_learners                course      Y  .  Y   .  Y  Y   .  g  Y   .   Y  Y  Y   .  s   .  .
-- progress and grading
mark_complete                course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
reset_progress               course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
update_due_date              course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
generate_certificate         course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
remove_certificate           course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
act_on_own_enrolment         course      .  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
view_answers                 course      Y  .  Y   .  .  Y   .  .  Y   .   Y  .  .   .  s   .  .
grade_answers                course      Y  .  Y   .  .  Y   .  .  Y   .   Y  .  .   .  .   .  .
-- live sessions
manage_sessions              course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
manage_session_roster        course      Y  .  Y   .  .  .   .  .  .   .   Y  Y  Y   .  .   .  .
mark_attendance              course      Y  .  Y   .  .  Y   .  .  Y   .   Y  Y  Y   .  .   .  .
self_register_session        course      .  .  .   .  .  .   .  .  .   .   s  s  s   .  s   .  .
-- insights and updates
view_quiz_insights           course      Y  .  Y   .  .  Y   .  .  Y   .   Y  a  a   .  .   .  .
export_quiz_insights         course      Y  .  Y   .  .  .   .  .  .   .   Y  a  a   .  .   .  .
view_course_insights         course      Y  .  Y   .  .  Y   .  .  Y   .   Y  Y  Y   .  .   .  .
subscribe_course_updates     course      Y  .  Y   .  .  v   .  .  v   .   Y  Y  Y   .  s   .  .
list_courses_i_manage        workspace   s  s  s   s  s  s   s  s  s   s   s  s  s   s  s   .  .
-- segments and synchronization
search_segments_typeahead    workspace   Y  .  u   .  .  .   .  .  .   .   .  .  .   .  .   .  .
create_edit_segment          workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
preview_segment_change       workspace   Y  .  w   .  .  .   .  .  .   .   .  .  .   .  .   .  .
explain_membership           course      Y  s  w   s  s  s   s  s  s   s   w  s  s   s  s   .  .
pause_resume_sync            workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
approve_held_change          workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
-- audit and identity events
view_audit_log               workspace   Y  b  w   .  .  .   .  .  .   .   w  .  .   .  .   .  .
ingest_idp_event             workspace   .  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  Y
replay_idp_event             workspace   Y  .  .   .  .  .   .  .  .   .   .  .  .   .  .   .  .
-- the public
verify_certificate_by_code   workspace   Y  Y  Y   Y  Y  Y   Y  Y  Y   Y   Y  Y  Y   Y  Y   Y  Y
"""

CELLS, _SCOPES = read_matrix(MATRIX)

SHOW_A_MODULE = (
    Permission.VIEW_COURSE_INFO,
    *(each for each in Permission if _SCOPES[each] is Scope.MODULE),
)
"""Any of these, held on a module, shows it: what one sees in a course, one sees by itself too."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the thing asked about. What is not known counts as not so."""

    is_self: bool = False
    course_is_active: bool = False
    is_own_content: bool = False
    is_own_group: bool = False
    finance_manager_is_absent: bool = False
    segment_is_usable: bool = False
    retake_is_open: bool = False
    field_is_readable: bool = False
    is_billing_event: bool = False
    is_within_own_scope: bool = False

    def satisfy(self, condition: Condition | None) -> bool:
        return condition is None or bool(getattr(self, condition.fact))


NO_FACTS = Facts()
ANYONE = frozenset({Principal.ANONYMOUS})


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question.

    Allowed: `principal` is the role that gave the right, `condition` what it hung on, if anything.
    Denied: both None if no role held gives the right at all; else the nearest role and the
    condition it lacks. `reason` is one sentence for a person.
    """

    allowed: bool
    principal: Principal | None
    condition: Condition | None
    reason: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a guarded place asks for: one inner group of permissions, whole, at the scope.

    `scope` is the narrowest any of them is asked of; `conditions` are all that bind some role.
    """

    any_of: tuple[tuple[Permission, ...], ...]
    scope: Scope
    conditions: tuple[Condition, ...]

    @property
    def when(self) -> Condition | None:
        """The one condition a directive has room for: the first that is not about oneself."""
        others = [each for each in self.conditions if each is not Condition.SELF_ONLY]
        return next(iter(others or self.conditions), None)


if {each.fact for each in Condition} != {each.name for each in fields(Facts)}:
    raise MatrixIsBroken("Every condition needs exactly one fact, and every fact one condition.")


def _holders(permission: Permission) -> tuple[tuple[Principal, Condition | None], ...]:
    """Who may have the permission, those bound by no condition first."""
    granted = [
        (principal, CELLS[permission, principal].condition)
        for principal in Principal
        if CELLS[permission, principal].allowed
    ]
    return tuple(sorted(granted, key=lambda each: each[1] is not None))


_HOLDERS = {permission: _holders(permission) for permission in Permission}


def holders_of(permission: Permission) -> tuple[tuple[Principal, Condition | None], ...]:
    """The roles this permission is given to, each with its condition; the unbound ones first."""
    return _HOLDERS[permission]


def decide(
    held: Collection[Principal], permission: Permission, facts: Facts = NO_FACTS
) -> Decision:
    """Whether someone who is all of `held` towards the thing asked about may do this to it."""
    nearest: tuple[Principal | None, Condition | None] = (None, None)
    for principal, condition in _HOLDERS[permission]:
        if principal not in held:
            continue
        if facts.satisfy(condition):
            return _allowed(permission, principal, condition)
        if nearest[0] is None:
            nearest = (principal, condition)
    return _denied(permission, *nearest)


@cache
def _allowed(permission: Permission, principal: Principal, condition: Condition | None) -> Decision:
    bound = f" {condition.clause}, which holds" if condition else ""
    reason = f"{permission.name} is allowed to {principal}{bound}."
    return Decision(True, principal, condition, reason)


@cache
def _denied(
    permission: Permission, principal: Principal | None, condition: Condition | None
) -> Decision:
    if principal is None or condition is None:
        return Decision(False, None, None, f"No role held here allows {permission.name}.")
    reason = f"{permission.name} is allowed to {principal} {condition.clause}."
    return Decision(False, principal, condition, reason)


def allows(held: Collection[Principal], permission: Permission, facts: Facts = NO_FACTS) -> bool:
    """The answer of `decide` alone."""
    return any(
        principal in held and facts.satisfy(condition)
        for principal, condition in _HOLDERS[permission]
    )


def may_ever(held: Collection[Principal], permission: Permission) -> bool:
    """Whether there are facts under which these roles allow it."""
    return any(principal in held for principal, _ in _HOLDERS[permission])


def scope_of(permission: Permission) -> Scope:
    """What the permission is asked of. It may be asked of something inside too, never of more."""
    return _SCOPES[permission]


def conditions_of(*permissions: Permission) -> tuple[Condition, ...]:
    """The conditions that bind some role which these permissions are given to."""
    bound = {condition for each in permissions for _, condition in _HOLDERS[each]}
    return tuple(each for each in Condition if each in bound)


def requirement(*any_of: Permission | tuple[Permission, ...]) -> Requirement:
    """What a directive says: outer OR, inner AND; the scope and conditions come from the matrix."""
    if not any_of:
        raise ValueError("A requirement needs at least one permission; open doors are said aloud.")
    groups = tuple((each,) if isinstance(each, Permission) else each for each in any_of)
    named = [permission for group in groups for permission in group]
    scope = max((scope_of(each) for each in named), key=lambda each: each.depth)
    return Requirement(groups, scope, conditions_of(*named))
