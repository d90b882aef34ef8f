"""Everybody who may do one thing to one other, and by which role."""

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Decision, Permission, Principal, Scope, holders_of
from operations import holders
from operations.explain_permission import require_granting, seen_thing
from operations.holders import HeldRole, Thing
from operations.rights import refuse_wider


@dataclass(frozen=True, slots=True)
class Holder:
    """One person who has the permission, or would but for a condition, and the nearest role."""

    member_id: int
    display_name: str
    decision: Decision
    role: HeldRole


@dataclass(frozen=True, slots=True)
class WhoCan:
    """The answer, in the order of names. `is_for_providers`, `is_for_anyone`: the matrix gives it
    to those who are nobody's members, too."""

    permission: Permission
    thing: Thing
    holders: tuple[Holder, ...]

    @property
    def is_for_anyone(self) -> bool:
        return any(who is Principal.ANONYMOUS for who, _ in holders_of(self.permission))

    @property
    def is_for_providers(self) -> bool:
        return any(who is Principal.IDP_SERVICE for who, _ in holders_of(self.permission))


async def who_can(
    db: AsyncSession, *, by: Caller, permission: Permission, scope: Scope, id: int
) -> WhoCan:
    """Who may do this to this thing, as things stand. For those who may give rights on it."""
    refuse_wider(permission, scope)
    thing = await seen_thing(db, by, scope, id)
    await require_granting(db, by, scope, id)
    principals = {who for who, _ in holders_of(permission)}
    roles = await holders.roles_towards(db, by.workspace_id, thing, principals)
    found = []
    for member_id, theirs in groupby(roles, lambda each: each.member_id):
        counting = [each for each in theirs if each.counts]
        if counting:
            found.append(_holder(permission, thing, member_id, counting))
    return WhoCan(permission, thing, tuple(found))


def _holder(permission: Permission, thing: Thing, member_id: int, roles: list[HeldRole]) -> Holder:
    decision = holders.standing_of(thing, member_id, roles).decide(permission)
    nearest = next(each for each in roles if each.principal is decision.principal)
    return Holder(member_id, nearest.display_name, decision, nearest)
