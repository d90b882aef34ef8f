"""Which claims of an issuer's tokens say who a person is here, and where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operations.sign_in_identities import MatchedBy, Search

Claims = Mapping[str, object]

LONGEST_VALUE: Final = 320
MOST_WORKSPACES: Final = 50


@dataclass(frozen=True, slots=True)
class People:
    """How the people of an issuer are found among members.

    `workspaces` are those the issuer may speak for; with `workspace_claim` it names them itself,
    in that claim of each token. `connection` is the directory whose ids are matched, if only one
    is meant.
    """

    by: MatchedBy
    claim: str
    workspaces: tuple[str, ...] = ()
    workspace_claim: str | None = None
    connection: str | None = None

    def search(self, claims: Claims) -> Search | None:
        """What to look for; None where the token does not say, or does not vouch for it."""
        value = claims.get(self.claim)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_VALUE or "\0" in value:
            return None
        if self.by is MatchedBy.EMAIL and claims.get("email_verified") is not True:
            return None
        return Search(self.by, value, self.connection)

    def slugs(self, claims: Claims) -> tuple[str, ...]:
        """The workspaces this token is for."""
        if self.workspace_claim is None:
            return self.workspaces
        said = claims.get(self.workspace_claim)
        named = said if isinstance(said, list) else [said]
        usable = (each for each in named if isinstance(each, str) and "\0" not in each)
        return tuple(each for each in usable if 0 < len(each) <= LONGEST_VALUE)[:MOST_WORKSPACES]
