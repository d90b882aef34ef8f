"""People and rules of the torture field, drawn at random."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

from tests.ground import Document, hired

DEPARTMENTS = ("Sales", "Legal", "Research", "Support")
GROUPS = ("admins", "trainers", "night shift")
DAYS = (0, 60)
"""How long ago rules want somebody to have been hired."""


def attributes(dice: random.Random, today: dt.date) -> dict[str, Any]:
    """A person: few values, so that rules and people meet often."""
    drawn: dict[str, Any] = {"department": dice.choice(DEPARTMENTS), "level": dice.randrange(4)}
    if dice.random() < 0.8:
        days = dice.randrange(-30, 150)
        drawn["hireDate"] = (today - dt.timedelta(days=days)).isoformat()
    if dice.random() < 0.5:
        drawn["country"] = dice.choice(("SE", "DE"))
    return drawn


def rule(
    dice: random.Random, inner: Sequence[int] = (), people: Sequence[int] = (), depth: int = 2
) -> Document:
    """A rule of a few clauses over what people have, over the segments it may build on, and over
    those who may be above people."""
    kind = dice.random()
    if depth and kind < 0.35:
        parts = [rule(dice, inner, people, depth - 1) for _ in range(2)]
        return {dice.choice(("all", "any")): parts}
    if depth and kind < 0.45:
        return {"not": rule(dice, inner, people, depth - 1)}
    if inner and kind > 0.7:
        if kind > 0.9:
            return {"attr": "memberOf", "op": "hasNone", "value": dice.sample(inner, 2)}
        return {"attr": "memberOf", "op": "has", "value": dice.choice(inner)}
    if people and kind > 0.6:
        if kind > 0.68:
            return {"attr": "reportsDirectlyTo", "op": "hasAny", "value": dice.sample(people, 2)}
        return {"attr": "reportsTo", "op": "hasAny", "value": dice.sample(people, 2)}
    clauses: tuple[Document, ...] = (
        {"attr": "department", "op": "eq", "value": dice.choice(DEPARTMENTS)},
        {"attr": "department", "op": "in", "value": dice.sample(DEPARTMENTS, 2)},
        {"attr": "level", "op": dice.choice(("ge", "lt")), "value": dice.randrange(4)},
        *(hired(dice.choice(DAYS)) for _ in range(2)),
        {"attr": "groups", "op": "has", "value": dice.choice(GROUPS)},
        {"attr": "country", "op": dice.choice(("absent", "present"))},
        {"everyone": True},
    )
    return dice.choice(clauses)
