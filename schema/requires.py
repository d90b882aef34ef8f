"""How the schema says who may look: `@requires` and `@public`, from one declaration per field.

    title: str                                            shares the guard of its type
    summary: str | None = column("text", requires=..., description=...)      an attribute of the row
    people: list[Person] | None = resolved_by(answerer, requires=..., description=...)
    assign: Answer | None = done_by(answerer, requires=..., description=...)      a mutation
    changes: Change | None = streamed_by(answerer, requires=..., description=...) a subscription

`requires` has no default. It takes a permission, `any_of(...)`, SIGNED_IN, PUBLIC, and for a
column INHERITED. The directive, the description, the catalog and the guard all follow from it.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, dataclass_transform

import strawberry
from strawberry.schema_directive import Location

from access.permissions import Condition, Permission, Principal, Scope
from resolvers.catalog import COLUMN, RIGHT
from resolvers.catalog import undeclared as undeclared_fields
from resolvers.declared import PUBLIC, SIGNED_IN, Right, any_of, right_of
from resolvers.guard import guard_schema
from resolvers.reading_ahead import ANSWERED

__all__ = [
    "INHERITED",
    "PUBLIC",
    "SIGNED_IN",
    "Right",
    "any_of",
    "column",
    "done_by",
    "guarded",
    "guarded_type",
    "resolved_by",
    "streamed_by",
    "undeclared",
]

T = TypeVar("T", bound=type)

PLACES: Final = [Location.FIELD_DEFINITION, Location.OBJECT]

strawberry.enum(
    Permission, description="One operation of the product; a mutation of the same name does it."
)
strawberry.enum(
    Principal, description="A role, or a right that was given: what permissions are held by."
)
strawberry.enum(Scope, description="What a permission is held on; each contains the next.")
strawberry.enum(Condition, description="Why a permission may be held only sometimes.")


@strawberry.schema_directive(
    locations=PLACES,
    name="requires",
    description="Who may read this: any of the groups, and of that group every permission, held on "
    "the scope. An empty group asks only for being signed in. `when`: some roles hold it so.",
)
class Requires:
    any_of: list[list[Permission]]
    scope: Scope
    when: Condition | None = strawberry.UNSET


@strawberry.schema_directive(
    locations=PLACES, name="public", description="Anyone may read this, signed in or not."
)
class Public:
    pass


@strawberry.schema_directive(
    locations=PLACES,
    name="orSelf",
    description="Beside @requires: what is about oneself needs none of the permissions.",
)
class OrSelf:
    pass


class _Inherited:
    """A field that shares the guard of the type it sits on."""


INHERITED: Final = _Inherited()


def column(
    attribute: str,
    *,
    requires: Permission | Right | _Inherited,
    description: str,
    name: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field whose value is an attribute of the row."""
    right = None if isinstance(requires, _Inherited) else right_of(requires)
    return strawberry.field(
        name=name,
        description=_described(description, right),
        directives=_directives(right),
        metadata={COLUMN: attribute, RIGHT: right},
        deprecation_reason=deprecation_reason,
    )


def resolved_by(
    answerer: Callable[..., Any],
    *,
    requires: Permission | Right,
    description: str,
    name: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field whose value a function finds."""
    right = right_of(requires)
    return strawberry.field(
        resolver=answerer,
        name=name,
        description=_described(description, right),
        directives=_directives(right),
        metadata={ANSWERED: True, RIGHT: right},
        deprecation_reason=deprecation_reason,
    )


def done_by(
    answerer: Callable[..., Any],
    *,
    requires: Permission | Right,
    description: str,
    name: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A mutation; its operation asks for the permission, inside its transaction."""
    right = right_of(requires)
    return resolved_by(
        answerer,
        requires=right.by_operation() if right.requirement else right,
        description=description,
        name=name,
        deprecation_reason=deprecation_reason,
    )


def streamed_by(
    answerer: Callable[..., Any],
    *,
    requires: Permission | Right,
    description: str,
    name: str | None = None,
) -> Any:
    """A subscription."""
    right = right_of(requires)
    return strawberry.subscription(
        resolver=answerer,
        name=name,
        description=_described(description, right),
        directives=_directives(right),
        metadata={ANSWERED: True, RIGHT: right},
    )


@dataclass_transform(
    kw_only_default=True, field_specifiers=(column, resolved_by, done_by, streamed_by)
)
def guarded_type(
    *,
    requires: Permission | Right,
    description: str,
    rows: type | tuple[type, ...] | None = None,
    name: str | None = None,
) -> Callable[[T], T]:
    """An object type; its plain fields share its guard, asked once per object.

    `rows`: the classes of the rows it shows, which an interface or union is resolved by.
    """
    right = right_of(requires)

    def declare(cls: T) -> T:
        setattr(cls, f"__{RIGHT}__", right)
        if rows is not None:
            shown = rows
            shows = classmethod(lambda _cls, row, _info: isinstance(row, shown))
            setattr(cls, "is_type_of", shows)  # noqa: B010  (T has no such attribute to assign)
        return strawberry.type(
            cls,
            name=name,
            description=_described(description, right),
            directives=_directives(right),
        )

    return declare


def guarded(schema: strawberry.Schema) -> strawberry.Schema:
    """The schema, guarded as it says. Raises BadDeclaration if a field does not say."""
    guard_schema(schema._schema)
    return schema


def undeclared(schema: strawberry.Schema) -> list[str]:
    """The coordinates of fields that are neither @requires nor @public."""
    return undeclared_fields(schema._schema)


def _described(description: str, right: Right | None) -> str:
    return description if right is None else f"{description}\n\n{right.sentence}"


def _directives(right: Right | None) -> list[object]:
    if right is None:
        return []
    if right.is_public:
        return [Public()]
    when = right.requirement.when if right.requirement else None
    requires = Requires(
        any_of=[list(group) for group in right.any_of],
        scope=right.scope,
        when=when or strawberry.UNSET,
    )
    return [requires, OrSelf()] if right.allows_self else [requires]
