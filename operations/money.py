"""Money: whole numbers of a currency's minor unit (cents, öre, yen), never a fraction of a number.

How many minor units make one unit follows ISO 4217: 100 öre, 1 yen, 1,000 fils.
"""

import re
from dataclasses import dataclass
from typing import Final

from iso4217 import Currency

from operations.refusals import Code, Refused

LARGEST_AMOUNT: Final = 10**9
"""Of a price, in minor units. A total over every person there could be stays below 2**63."""

_AMOUNT: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency`, a code of ISO 4217 that `currency_of` has let through."""

    minor: int
    currency: str

    @property
    def decimal(self) -> str:
        """The amount with as many decimals as the currency has, for programs: 1234.50."""
        return self._written("")

    @property
    def text(self) -> str:
        """The amount for people: EUR 1,234.50."""
        return f"{self.currency} {self._written(',')}"

    def times(self, count: int) -> "Money":
        """So much for each of `count`."""
        return Money(self.minor * count, self.currency)

    def _written(self, separator: str) -> str:
        places = places_of(self.currency)
        whole, part = divmod(self.minor, 10**places)
        grouped = f"{whole:{separator}}"
        return f"{grouped}.{part:0{places}d}" if places else grouped


def places_of(currency: str) -> int:
    """How many decimals amounts of a currency have."""
    exponent = Currency(currency).exponent
    return 0 if exponent is None else exponent


def currency_of(text: str) -> str:
    """The code of a currency that can be charged; raises Refused."""
    code = text.strip().upper()
    known = {each.code: each.exponent for each in Currency}
    if known.get(code) is None:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"“{text[:20]}” is no currency of ISO 4217 with a minor unit; use a code like EUR.",
        )
    return code


def price_of(amount: str, currency: str) -> Money:
    """A price as people write it (4.50), exactly; raises Refused.

    More decimals than the currency has are refused, not rounded.
    """
    code = currency_of(currency)
    places = places_of(code)
    match = _AMOUNT.fullmatch(amount.strip())
    if match is None:
        raise _bad(f"“{amount[:40]}” is no amount; write it like 1234.50, without signs.")
    whole, part = match[1], match[2] or ""
    if len(part) > places:
        raise _bad(f"{code} has {places} decimals; {amount.strip()[:40]} has {len(part)}.")
    minor = int(whole + part.ljust(places, "0"))
    if minor > LARGEST_AMOUNT:
        largest = Money(LARGEST_AMOUNT, code)
        raise _bad(f"A price is at most {largest.text}; {Money(minor, code).text} is more.")
    return Money(minor, code)


def _bad(message: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message)
