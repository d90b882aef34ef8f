"""Who is acting."""

from dataclasses import dataclass, field
from enum import StrEnum

from access.words import Permission


class Origin(StrEnum):
    """Through which door a change came."""

    GRAPHQL = "graphql"
    SCIM = "scim"
    WEBHOOK = "webhook"
    INVITATION = "invitation"
    CLI = "cli"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Caller:
    """A person (`member_id`), an identity provider (`connection_id`), or the system (neither).

    A caller acts in exactly one workspace. `name` is for the journal's readers. `is_system` is
    true only for the engine and the command line, which stand above the matrix. `limited_to`
    is what a scoped token leaves of the person's permissions; None leaves all of them. `client` is
    the address they speak from; the same caller from elsewhere is the same caller.
    """

    workspace_id: int
    name: str
    origin: Origin
    member_id: int | None = None
    connection_id: int | None = None
    is_system: bool = False
    limited_to: frozenset[Permission] | None = None
    client: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        kinds = (self.member_id is not None) + (self.connection_id is not None) + self.is_system
        if kinds != 1:
            raise ValueError("A caller is a member, a connection or the system: exactly one.")


def system(workspace_id: int, origin: Origin = Origin.ENGINE) -> Caller:
    """The product itself, acting in one workspace."""
    return Caller(workspace_id, "LMS Coordinator", origin, is_system=True)
