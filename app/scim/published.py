"""What a workspace's SCIM door publishes: exactly what is stored.

Users have the core and the enterprise attributes we keep, and one extension of ours with what
SCIM lacks: `hireDate`, `remote`, and every attribute of the workspace's own that identity
providers write. A dot in an attribute's name is an underscore there.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from scim2_models import ResourceType, Schema, ScimPolicy, ScimProvider, ServiceProviderConfig
from scim2_server.utils import load_json_resource

from sync_engine.rules import STANDARD_ATTRIBUTES, Attribute, AttributeType, Catalog, Owner

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
OURS: Final = "urn:lms-coordinator:params:scim:schemas:extension:2.0:User"

LARGEST_BODY: Final = 1024 * 1024
LARGEST_PAGE: Final = 200
BULK_OPERATIONS: Final = 1_000

NOT_KEPT: Final = frozenset({"password", "x509Certificates", "ims", "photos", "nickName"})
"""Core attributes that are not stored: nobody here needs them. `nickName` is the member's own."""

_STANDARD_HERE: Final = ("hireDate", "remote")
_TYPES: Final[Mapping[AttributeType, str]] = {
    AttributeType.NUMBER: "decimal",
    AttributeType.BOOLEAN: "boolean",
}
_EXACT: Final = frozenset({AttributeType.IDENTIFIER, AttributeType.REFERENCE})

CONFIG: Final = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {
        "supported": True,
        "maxOperations": BULK_OPERATIONS,
        "maxPayloadSize": LARGEST_BODY,
    },
    "filter": {"supported": True, "maxResults": LARGEST_PAGE},
    "changePassword": {"supported": False},
    "sort": {"supported": True},
    "etag": {"supported": True},
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A SCIM token of the connection, as Authorization: Bearer.",
            "primary": True,
        }
    ],
}

Tree = Mapping[str, Any]
"""An attribute as a schema describes it."""


@dataclass(frozen=True, slots=True)
class Published:
    """One workspace's door: the provider, the schemas as data, and its own attributes by name."""

    provider: ScimProvider
    user: Tree
    group: Tree
    extensions: Mapping[str, Tree]
    own: Mapping[str, str]


def published(catalog: Catalog) -> Published:
    """What to publish for this attribute schema; built once per different schema."""
    own = sorted(
        (
            attribute
            for attribute in catalog.values()
            if attribute.owner is Owner.IDENTITY_PROVIDER
            and (attribute.name not in STANDARD_ATTRIBUTES or attribute.name in _STANDARD_HERE)
        ),
        key=lambda attribute: attribute.name,
    )
    return _published(tuple(own))


@lru_cache(maxsize=64)
def _published(own: tuple[Attribute, ...]) -> Published:
    names = _scim_names(own)
    user, group, enterprise = (copy.deepcopy(_core()[urn]) for urn in (USER, GROUP, ENTERPRISE))
    user["attributes"] = [each for each in user["attributes"] if each["name"] not in NOT_KEPT]
    _attribute(group["attributes"], "displayName")["uniqueness"] = "server"
    parts = _attribute(group["attributes"], "members")["subAttributes"]
    _attribute(parts, "display").update(mutability="readOnly", returned="request")
    ours = _our_schema(own, names)
    user_type, group_type = copy.deepcopy(load_json_resource("default-resource-types.json"))
    user_type["schemaExtensions"].append({"schema": OURS, "required": False})
    provider = ScimProvider.from_discovery(
        [Schema.model_validate(each) for each in (user, group, enterprise, ours)],
        [ResourceType.model_validate(each) for each in (user_type, group_type)],
        config=ServiceProviderConfig.model_validate(CONFIG),
        policy=ScimPolicy(
            remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )
    return Published(
        provider=provider,
        user=user,
        group=group,
        extensions={ENTERPRISE: enterprise, OURS: ours},
        own={scim: name for name, scim in names.items()},
    )


@lru_cache(maxsize=1)
def _core() -> Mapping[str, dict[str, Any]]:
    return {each["id"]: each for each in load_json_resource("default-schemas.json")}


def _attribute(attributes: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in attributes if each["name"] == name)


def _scim_names(own: Iterable[Attribute]) -> dict[str, str]:
    """Names as SCIM can write them; of two that would be the same, the undotted stays."""
    taken: dict[str, str] = {}
    for attribute in sorted(own, key=lambda attribute: "." in attribute.name):
        taken.setdefault(attribute.name.replace(".", "_").lower(), attribute.name)
    return {name: name.replace(".", "_") for name in taken.values()}


def _our_schema(own: Iterable[Attribute], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": OURS,
        "name": "WorkspaceUser",
        "description": "Attributes of this workspace that identity providers write.",
        "attributes": [
            {
                "name": names[attribute.name],
                "type": _TYPES.get(attribute.type, "string"),
                "multiValued": attribute.type is AttributeType.STRING_LIST,
                "description": f"The attribute {attribute.name}, a {attribute.type}.",
                "required": False,
                "caseExact": attribute.type in _EXACT,
                "mutability": "readWrite",
                "returned": "default",
                "uniqueness": "none",
            }
            for attribute in own
            if attribute.name in names
        ],
    }
