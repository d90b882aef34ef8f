"""SCIM 2.0 for identity providers, on scim2-models and scim2-server, which are known only here."""

import datetime as dt
from collections.abc import Callable, Sequence

from starlette.routing import Mount

from app.scim.allowance import Allowance
from app.scim.door import Authenticate, ScimDoor
from app.scim.published import LARGEST_BODY
from operations.edge import Edge

__all__ = ["Allowance", "Authenticate", "routes"]


def routes(
    *,
    edge: Edge,
    authenticate: Authenticate,
    now: Callable[[], dt.datetime],
    allowance: Allowance | None = None,
    largest_body: int = LARGEST_BODY,
) -> Sequence[Mount]:
    """The door's routes, to be mounted at the root: SCIM answers under `/scim/v2`."""
    door = ScimDoor(
        edge,
        authenticate,
        now=now,
        allowance=allowance or Allowance(),
        largest_body=largest_body,
    )
    return [Mount("/scim/v2", app=door)]
