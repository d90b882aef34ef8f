"""What somebody wants a template of certificates to say, from whatever door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from operations.certificates.templates import Orientation, Signature
from operations.refusals import Code, Refused


@dataclass
class SignatureToPrint:
    """Somebody who stands for the certificate, and as what."""

    name: str
    title: str


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _bad(f"{name} is a text.")
    return value


def _orientation(name: str, value: Any) -> Orientation:
    try:
        return Orientation(_text(name, value))
    except ValueError:
        raise _bad(f"{name} is LANDSCAPE or PORTRAIT.") from None


def _signatures(name: str, value: Any) -> tuple[Signature, ...]:
    if not isinstance(value, list) or not all(_is_signature(each) for each in value):
        raise _bad(f"{name} is a list of objects with a name and a title.")
    return tuple(Signature(each["name"], each["title"]) for each in value)


def _is_signature(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"name", "title"}
        and all(isinstance(each, str) for each in value.values())
    )


_FIELDS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "heading": _text,
    "text": _text,
    "signatures": _signatures,
    "accent": _text,
    "orientation": _orientation,
    "language": _text,
}


def changes_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a template in a JSON object; raises BAD_USER_INPUT."""
    for name in given:
        if name not in _FIELDS:
            raise _bad(f"A template has no {name[:40]}; it has {', '.join(_FIELDS)}.")
    return {name: _FIELDS[name](name, value) for name, value in given.items()}


def changes_given(**values: Any) -> dict[str, Any]:
    """The fields of a template among the arguments a client gave; null is none of them."""
    said = {name: value for name, value in values.items() if value not in (strawberry.UNSET, None)}
    if "signatures" in said:
        said["signatures"] = tuple(Signature(each.name, each.title) for each in said["signatures"])
    return said


def _bad(message: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message)
