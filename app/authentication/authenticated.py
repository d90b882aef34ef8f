"""Someone who was let in."""

from dataclasses import dataclass, field
from datetime import datetime

from access.caller import Caller
from operations.sign_in_identities import Choice


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Someone who was let in, and until when. `expires_at` None is a token without an end.

    `access_epoch` is the member's at that moment (0 for a connection); `token_id` is set for
    tokens of our own, `issuer` for those of issuers, `opaque` for those whose issuer has to be
    asked. `workspaces` are all those the token is good for. `locale` is a language tag.
    `is_remembered` is true where more than one operation rests on this one look at the token: on
    a socket.
    """

    caller: Caller
    expires_at: datetime | None
    access_epoch: int
    token_id: str | None = None
    issuer: str | None = None
    opaque: str | None = field(default=None, repr=False)
    workspaces: tuple[Choice, ...] = ()
    locale: str = "en"
    is_remembered: bool = False
