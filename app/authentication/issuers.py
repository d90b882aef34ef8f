"""Everybody whose word is taken about who somebody is: the local issuer, or those configured."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.authentication.introspection import Introspection
from app.authentication.outside import IssuerSilent, Outside
from app.authentication.published_keys import PublishedKeys
from app.authentication.verifier import Issuer, NotAccepted, Verified, Verifier

LONGEST_OPAQUE: Final = 4_096

_WORST_LAST: Final = ("ok", "unasked", "stale", "unreachable")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is kept up about issuers that run elsewhere."""

    outside: Outside = field(default_factory=Outside)
    keys: tuple[PublishedKeys, ...] = ()
    introspections: tuple[Introspection, ...] = ()


class Issuers:
    """Tells what a token says, by its signature or by asking its issuer.

    `clock` gives seconds since 1970.
    """

    def __init__(
        self, issuers: Iterable[Issuer], elsewhere: Elsewhere, clock: Callable[[], float]
    ) -> None:
        self._verifier = Verifier(issuers, clock)
        self._elsewhere = elsewhere

    @property
    def state(self) -> str | None:
        """One word for all issuers elsewhere, the worst; None where there are none."""
        states = [each.state for each in self._elsewhere.keys]
        return max(states, key=_WORST_LAST.index) if states else None

    async def warm(self) -> None:
        """Ask every issuer for its keys, so that the first to sign in need not wait."""
        for each in self._elsewhere.keys:
            await each.refresh()

    async def close(self) -> None:
        await self._elsewhere.outside.close()

    def is_opaque(self, token: str) -> bool:
        """Whether only its issuer can say what a token is, and some issuer can be asked."""
        return bool(self._elsewhere.introspections) and not _is_signed(token)

    def must_be_asked(self, token: str) -> bool:
        """Whether an issuer would be asked about an opaque token now."""
        return not any(each.knows(token) for each in self._elsewhere.introspections)

    async def verify(self, token: str) -> Verified:
        """What a signed token says. Raises NotAccepted, and IssuerSilent."""
        return await self._verifier.verify(token)

    async def introspect(self, token: str) -> Verified:
        """What the first issuer that knows an opaque token says. Raises NotAccepted, and
        IssuerSilent where nobody knows it and somebody does not answer."""
        _check_shape(token)
        refusals: list[str] = []
        silent: IssuerSilent | None = None
        for each in _those_who_know_first(self._elsewhere.introspections, token):
            try:
                return await each.verify(token)
            except NotAccepted as refusal:
                refusals.append(str(refusal))
            except IssuerSilent as fault:
                silent = silent or fault
        raise silent or NotAccepted("; ".join(dict.fromkeys(refusals)))


def _is_signed(token: str) -> bool:
    """Whether it looks like a JWT, whose header is base64url of `{…`: never sent anywhere."""
    return "." in token and token[:2] in ("ey", "ew")


def _check_shape(token: str) -> None:
    if len(token) > LONGEST_OPAQUE:
        raise NotAccepted(f"it is {len(token)} characters long; {LONGEST_OPAQUE} are the limit")
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise NotAccepted("it is no token of letters, digits and signs")


def _those_who_know_first(
    introspections: Sequence[Introspection], token: str
) -> list[Introspection]:
    return sorted(introspections, key=lambda each: not each.knows(token))
