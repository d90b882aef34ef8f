"""Things with a global id."""

from typing import Any

import strawberry

from resolvers.ids import encode
from schema.requires import SIGNED_IN, resolved_by


def global_id(root: strawberry.Parent[Any]) -> str:
    return encode(type(root).__name__, root.id)


@strawberry.interface(description="Anything that can be fetched by its id.")
class Node:
    id: strawberry.ID = resolved_by(
        global_id, requires=SIGNED_IN, description="The same wherever the thing appears."
    )
