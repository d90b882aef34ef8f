"""Any mutation of the schema with any arguments: generated from the schema, so that none is
forgotten."""

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)

from schema.schema import schema

MUTATIONS: Final = schema._schema.mutation_type.fields  # type: ignore[union-attr]
_NOT_DRAWN: Final = frozenset({"clientMutationId", "idempotencyKey", "rule", "publicKey"})
_DRAWN_WHERE_NEEDED: Final = frozenset({"basedOn"})
"""Names of plans and previews: whatever is drawn is none of them, and nothing would be done."""

_NOUNS: Final = (
    *("Attachment", "Certificate", "Connection", "Course", "Delivery", "Department", "Group"),
    *("LiveSession", "Member", "Module", "Segment", "Token"),
)
_RULES: Final = ('department eq "Sales"', 'not (title co "a")', "hireDate gt now-P90D", "x eq")
_TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "ruleText": _RULES,
    "reason": ("On leave.", "Asked for it."),
    "provider": ("acmepay",),
    "reference": ("pm_1", "pm_2"),
    "brand": ("Visa", "Mastercard"),
    "lastFour": ("4242", "1881"),
    "remove": ("level", "shoeSize"),
    "timeZone": ("Europe/Stockholm", "Asia/Tokyo"),
    "link": ("https://meet.example/x",),
}


@dataclass
class Anything:
    """Draws mutations; `ids` are the global ids there are, by kind of thing."""

    dice: random.Random
    ids: dict[str, list[str]] = field(default_factory=dict)
    _count: int = 0

    def document(self, name: str) -> tuple[str, dict[str, Any]]:
        """A call of this mutation, with arguments that often make sense."""
        arguments = {
            key: argument
            for key, argument in MUTATIONS[name].args.items()
            if key not in _NOT_DRAWN
            and (isinstance(argument.type, GraphQLNonNull) or self._says(key))
        }
        variables = {key: self._value(key, each.type) for key, each in arguments.items()}
        declared = ", ".join(f"${key}: {each.type}" for key, each in arguments.items())
        given = ", ".join(f"{key}: ${key}" for key in arguments)
        payload = get_named_type(MUTATIONS[name].type)
        assert isinstance(payload, GraphQLObjectType)
        secret = "secret" if "secret" in payload.fields else ""
        head = f"mutation ({declared})" if declared else "mutation"
        call = f"{name}({given})" if given else name
        return f"{head} {{ {call} {{ cursor refusal {{ code }} {secret} }} }}", variables

    def _says(self, key: str) -> bool:
        return key not in _DRAWN_WHERE_NEEDED and self.dice.random() < 0.6

    def _value(self, name: str, kind: Any) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(name, kind.of_type)
        if isinstance(kind, GraphQLList):
            count = self.dice.choice([1, 1, 2])
            drawn = [self._value(name, kind.of_type) for _ in range(count)]
            return list({str(each): each for each in drawn}.values())
        if isinstance(kind, GraphQLEnumType):
            return self.dice.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                key: self._value(key, each.type)
                for key, each in kind.fields.items()
                if isinstance(each.type, GraphQLNonNull) or self.dice.random() < 0.5
            }
        return self._scalar(name, kind.name)

    def _scalar(self, name: str, kind: str) -> Any:
        self._count += 1
        match kind:
            case "ID":
                return self.dice.choice(self.ids.get(self._noun(name)) or ["nothing"])
            case "Boolean":
                return self.dice.random() < 0.3
            case "Int":
                return self.dice.randrange(1, 20)
            case "DateTime":
                ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=self.dice.randrange(1, 20))
                return ahead.isoformat()
            case "JSON":
                return {"title": f"Title {self._count}"}
            case _ if name in _TEXTS:
                return self.dice.choice(_TEXTS[name])
            case _:
                is_address = name in {"userName", "email"}
                return f"thing{self._count}@acme.example" if is_address else f"Thing{self._count}"

    def _noun(self, name: str) -> str:
        if "nstructor" in name or "oordinator" in name:
            return "Member"
        return next((each for each in _NOUNS if each[1:] in name), "Member")
