"""Where our answers differ from the library's.

A PATCH of a user is answered with the user (Okta, and every client that reads on); a PATCH of a
group is answered 204, and costs as much as the people it moves (Entra, Okta group push). A PUT
that does not say `active` leaves it as it is: an omitted word must not re-enable a leaver.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scim2_models import (
    PatchOp,
    PatchOperation,
    Path,
    Resource,
    ResourceType,
    ResponseParameters,
)
from scim2_models.path import CompareOperator, Comparison, ValuePath
from scim2_server.conditions import Conditions
from scim2_server.handler import AsyncScimHandler
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from app.scim.storage import DirectoryStorage, answered
from models.identity import DirectoryGroup
from operations import directory


class DirectoryService(ScimService):
    """The protocol's steps, with a body in the answer to a PATCH of a user."""

    def patch_response(
        self,
        base_url: str,
        resource: Resource[Any],
        response_parameters: ResponseParameters[Any],
    ) -> ScimResponse:
        """200 with the user; 204 for a group, unless attributes were asked for."""
        if self.get_resource_type_of(resource).name == "User":
            return self.replacement_response(base_url, resource, response_parameters)
        return super().patch_response(base_url, resource, response_parameters)


@dataclass(slots=True)
class GroupEdit:
    """What a PATCH does to a group, without looking at who is in it.

    `only` is the whole new list of members, where the PATCH says one; then `add` and `remove`
    are empty.
    """

    display_name: str | None = None
    external_id: str | None = None
    says_external_id: bool = False
    only: set[str] | None = None
    add: set[str] = field(default_factory=set)
    remove: set[str] = field(default_factory=set)

    def take_members(self, op: str, values: Iterable[str]) -> None:
        """One operation on `members`, after those before it."""
        given = set(values)
        if op == "replace":
            self.only, self.add, self.remove = given, set(), set()
        elif self.only is not None:
            self.only = self.only | given if op == "add" else self.only - given
        elif op == "add":
            self.add |= given
            self.remove -= given
        else:
            self.remove |= given
            self.add -= given


def edit_of(patch: "PatchOp[Any]") -> GroupEdit | None:
    """The edit a PATCH of a group stands for; None when only the general way can tell."""
    edit = GroupEdit()
    for operation in patch.operations or ():
        if not _take(edit, operation):
            return None
    return edit


def _take(edit: GroupEdit, operation: "PatchOperation[Any]") -> bool:
    op, path, value = operation.op.value, str(operation.path or ""), operation.value
    match path:
        case "schemas":
            return op == "add"
        case "displayName" if op != "remove" and isinstance(value, str):
            edit.display_name = value
        case "externalId" if op == "remove" or isinstance(value, str):
            edit.external_id = None if op == "remove" else value
            edit.says_external_id = True
        case "members" if op == "remove" and value is None:
            edit.take_members("replace", ())
        case "members":
            values = [_value(each) for each in value] if isinstance(value, list) else [None]
            known = [each for each in values if each is not None]
            if len(known) < len(values):
                return False
            edit.take_members(op, known)
        case _:
            selected = _selected(operation.path)
            if op != "remove" or selected is None:
                return False
            edit.take_members("remove", [selected])
    return True


def _value(member: object) -> str | None:
    value = member.get("value") if isinstance(member, dict) else getattr(member, "value", None)
    return value if isinstance(value, str) else None


def _selected(path: "Path[Any] | None") -> str | None:
    """The id in `members[value eq "…"]`."""
    match getattr(path, "ast", None):
        case ValuePath(
            attr_path=attribute,
            val_filter=Comparison(attr_path=part, op=CompareOperator.eq, value=str() as value),
            sub_attr=None,
        ) if attribute.attr.lower() == "members" and part.attr.lower() == "value":
            return value
        case _:
            return None


class DirectoryHandler(AsyncScimHandler):
    """Serves one request. `shows_members` is whether a PATCH of a group is answered with them."""

    def __init__(
        self, service: ScimService, storage: DirectoryStorage, *, shows_members: bool
    ) -> None:
        super().__init__(service, storage)
        self._directory = storage
        self._shows_members = shows_members

    async def replace_resource(
        self,
        resource_type: ResourceType,
        current: Resource[Any],
        replacement: Resource[Any],
        conditions: Conditions,
    ) -> Resource[Any]:
        """PUT; `active` stays when nothing is said of it."""
        if resource_type.name == "User" and getattr(replacement, "active", None) is None:
            replacement.active = getattr(current, "active", None)  # type: ignore[attr-defined]
        return await super().replace_resource(resource_type, current, replacement, conditions)

    async def patch_resource(
        self,
        resource_type: ResourceType,
        resource_id: str,
        patch_op: "PatchOp[Any]",
        conditions: Conditions,
    ) -> Resource[Any]:
        """PATCH; groups without reading their members wherever that is possible."""
        edit = edit_of(patch_op) if resource_type.name == "Group" else None
        if edit is None:
            return await super().patch_resource(resource_type, resource_id, patch_op, conditions)
        storage, visit = self._directory, self._directory.visit
        group = await storage.group(resource_id, is_for_writing=True)
        [current] = await storage.rows.groups([group], with_members=False)
        self.service.check_preconditions(current, "PATCH", conditions)
        async with answered():
            if edit.display_name is not None or edit.says_external_id:
                await directory.edit_group(
                    visit.db,
                    by=visit.by,
                    group=group,
                    display_name=edit.display_name or group.display_name,
                    external_id=edit.external_id if edit.says_external_id else group.external_id,
                    at=visit.at,
                )
            await self._move(group, edit)
        [patched] = await storage.rows.groups([group], with_members=self._shows_members)
        return patched

    async def _move(self, group: DirectoryGroup, edit: GroupEdit) -> None:
        storage, visit = self._directory, self._directory.visit
        if edit.only is not None:
            await directory.replace_members(
                visit.db,
                by=visit.by,
                group=group,
                wanted=await storage.member_ids(edit.only),
                at=visit.at,
                lane=visit.lane,
            )
        elif edit.add or edit.remove:
            await directory.move_members(
                visit.db,
                by=visit.by,
                group=group,
                add=await storage.member_ids(edit.add) if edit.add else (),
                remove=await storage.known_member_ids(edit.remove) if edit.remove else (),
                at=visit.at,
                lane=visit.lane,
            )
