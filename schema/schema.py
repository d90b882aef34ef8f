"""The schema of the product, guarded as it says. Built once per process."""

from typing import Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.announcements import GivesBack
from resolvers.execution import Executor
from schema.change_set import UndoContradicted
from schema.mutation import Mutation
from schema.query import Query
from schema.refusal import KINDS
from schema.requires import guarded
from schema.scalars import SCALARS
from schema.subscription import Subscription

schema: Final = guarded(
    strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        types=(*KINDS, UndoContradicted),
        extensions=[GivesBack],
        execution_context_class=Executor,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
)
