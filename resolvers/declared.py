"""What a place of the schema asks of whoever looks: the right, as data.

The directive in the SDL, the sentence in the description, the catalog and the guard are all made
from the one `Right` a field or type was declared with.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from access.permissions import Permission, Requirement, Scope, requirement


class Asked(Enum):
    """Who asks for the permissions.

    PARENT: the guard, of the object the field belongs to. ROWS: the answerer, which selects only
    rows the caller may see. OPERATION: the operation, inside its transaction. In every case the
    guard asks whether someone is signed in.
    """

    PARENT = "parent"
    ROWS = "rows"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Right:
    """A requirement; without one, being signed in is enough, or not even needed.

    `allows_self`: what belongs to oneself needs no permission.
    """

    requirement: Requirement | None
    is_public: bool = False
    allows_self: bool = False
    asked: Asked = Asked.PARENT

    def or_self(self) -> "Right":
        """The same, and always granted where the thing asked about is oneself."""
        return replace(self, allows_self=True)

    def by_rows(self) -> "Right":
        """The same, asked by the answerer: it leaves out the rows that are hidden."""
        return replace(self, asked=Asked.ROWS)

    def by_operation(self) -> "Right":
        """The same, asked by the operation that the field runs."""
        return replace(self, asked=Asked.OPERATION)

    @property
    def any_of(self) -> tuple[tuple[Permission, ...], ...]:
        """Outer OR, inner AND. One empty group asks for nothing but being signed in."""
        return self.requirement.any_of if self.requirement else ((),)

    @property
    def scope(self) -> Scope:
        return self.requirement.scope if self.requirement else Scope.WORKSPACE

    @property
    def sentence(self) -> str:
        """What the description says."""
        if self.is_public:
            return "Open to anyone."
        if self.requirement is None:
            return "Requires being signed in."
        groups = [" and ".join(each.name for each in group) for group in self.any_of]
        unless = ", unless it is about oneself" if self.allows_self else ""
        bound = [each.clause for each in self.requirement.conditions]
        some = f" Some roles have it {', or '.join(bound)}." if bound else ""
        return f"Requires {' or '.join(groups)} on the {self.scope.value}{unless}.{some}"


PUBLIC: Final = Right(None, is_public=True)
SIGNED_IN: Final = Right(None)


def any_of(*groups: Permission | tuple[Permission, ...]) -> Right:
    """Any of these permissions; those inside a tuple only together."""
    return Right(requirement(*groups))


def right_of(said: Permission | Right) -> Right:
    """A permission alone is short for the right that asks for it."""
    return said if isinstance(said, Right) else any_of(said)
