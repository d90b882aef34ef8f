"""Variables in the texts of a certificate: `{{learnerName}}` stands for the learner's name.

What stands for a variable is never looked through again: a person may be called {{serial}}.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

VARIABLES: Final[Mapping[str, str]] = {
    "learnerName": "The name of whoever completed the course.",
    "courseTitle": "The title of the course.",
    "workspaceName": "The name of the workspace.",
    "completedOn": "The day the course was completed.",
    "issuedOn": "The day the certificate was issued.",
    "expiresOn": "The last day it is valid, or a dash where it is valid for good.",
    "score": "The result in percent, or a dash where there is none.",
    "serial": "The number of the certificate.",
}
"""What can be substituted, and what it is."""

_PLACE: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_BRACES: Final = re.compile(r"\{\{|\}\}")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a text of a template: from `start` to `end` in the argument `argument`."""

    argument: str
    message: str
    start: int
    end: int


def variables_in(text: str) -> list[str]:
    """The names between double braces, in their order."""
    return [each[1] for each in _PLACE.finditer(text)]


def problems_in(argument: str, text: str) -> list[Problem]:
    """Variables nobody knows, and braces that open or close nothing."""
    found = [
        Problem(argument, f"There is no variable “{each[1][:40]}”. {KNOWN}", *each.span())
        for each in _PLACE.finditer(text)
        if each[1] not in VARIABLES
    ]
    blank = _PLACE.sub(lambda each: " " * len(each[0]), text)
    found += [
        Problem(argument, f"“{each[0]}” stands alone; a variable is {{{{name}}}}.", *each.span())
        for each in _BRACES.finditer(blank)
    ]
    return sorted(found, key=lambda each: each.start)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with every variable replaced."""
    return _PLACE.sub(lambda each: values[each[1]], text)


def only_variable_in(text: str) -> str | None:
    """The variable that this text consists of, if it consists of one."""
    match = _PLACE.fullmatch(text.strip())
    return match[1] if match else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1]


KNOWN: Final = f"There are {_listed(list(VARIABLES))}."
