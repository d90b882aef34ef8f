"""From what an operator wrote to issuers that can be asked."""

from collections.abc import Callable, Sequence

from app.authentication.configuration import IssuerSetting
from app.authentication.introspection import Endpoint, Introspection
from app.authentication.issuer import LocalIssuer
from app.authentication.issuers import Elsewhere, Issuers
from app.authentication.matching import People
from app.authentication.metadata import Metadata
from app.authentication.outside import Outside
from app.authentication.published_keys import PublishedKeys
from app.authentication.verifier import Issuer
from operations.sign_in_identities import MatchedBy


def trusted(
    settings: Sequence[IssuerSetting], local: LocalIssuer | None, clock: Callable[[], float]
) -> Issuers:
    """Everybody whose word is taken. `clock` gives seconds since 1970. Nobody is asked yet."""
    outside = Outside()
    issuers: list[Issuer] = [local.as_issuer()] if local else []
    keys: list[PublishedKeys] = []
    introspections: list[Introspection] = []
    for setting in settings:
        people = People(
            MatchedBy(setting.match),
            setting.matched_claim,
            setting.workspaces,
            setting.workspace_claim,
            setting.connection,
        )
        metadata = Metadata(setting.issuer, outside)
        published = PublishedKeys(
            setting.issuer, setting.algorithms, outside, metadata, jwks_uri=setting.jwks_uri
        )
        keys.append(published)
        issuers.append(
            Issuer(
                setting.issuer,
                setting.audience,
                published,
                people=people,
                algorithms=frozenset(setting.algorithms),
            )
        )
        endpoint = _endpoint(setting, people)
        if endpoint is not None:
            introspections.append(Introspection(endpoint, outside, metadata, clock=clock))
    return Issuers(issuers, Elsewhere(outside, tuple(keys), tuple(introspections)), clock)


def _endpoint(setting: IssuerSetting, people: People) -> Endpoint | None:
    asked = setting.introspection
    if asked is None:
        return None
    return Endpoint(
        setting.issuer,
        setting.audience,
        asked.client_id,
        asked.secret(),
        people,
        asked.endpoint,
        frozenset(asked.clients),
    )
