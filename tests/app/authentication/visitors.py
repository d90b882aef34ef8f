"""People who arrive with the word of an issuer elsewhere, at a door whose clock stands still."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.authentication.authenticated import Authenticated
from app.authentication.bearer import Bearer
from app.authentication.configuration import IssuerSetting
from app.authentication.failures import Failures
from app.authentication.issuers import Issuers
from app.authentication.trusting import trusted
from app.graphql.contracts import Door, RequestInfo
from models.identity import Connection, ConnectionKind, DirectoryPerson
from models.invitations import SignInIdentity
from models.people import Member
from tests.app.authentication.elsewhere import Clock, Server
from tests.app.authentication.forging import Mint, claims, new_mint
from tests.world import MONDAY, World

HOUR = dt.timedelta(hours=1)
AUDIENCE = "urn:lms-coordinator:api"
CLIENT = "198.51.100.7"


def about(
    headers: Mapping[str, str] | None = None,
    *,
    client: str = CLIENT,
    params: Mapping[str, object] | None = None,
) -> RequestInfo:
    """A request that arrives."""
    door: Door = "http" if params is None else "websocket"
    return RequestInfo("r1", door, client, headers or {}, params or {})


@dataclass
class Visitors:
    """A door that takes the word of one issuer, which `server` is."""

    world: World
    server: Server
    setting: IssuerSetting
    mint: Mint = field(default_factory=new_mint)
    now: dt.datetime = MONDAY
    elapsed: Clock = field(default_factory=Clock)
    bearer: Bearer = field(init=False)
    issuers: Issuers = field(init=False)

    def __post_init__(self) -> None:
        self.server.publish()
        self.server.show(self.mint.public("ec").as_dict(private=False) | {"kid": "ec"})
        self.trust(self.setting)

    def trust(self, *settings: IssuerSetting) -> None:
        """Start anew, with these issuers."""
        self.issuers = trusted(settings, None, lambda: self.seconds)
        failures = Failures(clock=self.elapsed)
        self.bearer = Bearer(self.world.edge, self.issuers, lambda: self.now, failures)

    @property
    def seconds(self) -> float:
        return self.now.timestamp()

    def token(self, subject: str = "ada-1", **changes: Any) -> str:
        """What the issuer signed about somebody."""
        issued = int(self.seconds)
        said = {
            "iss": self.server.address,
            "sub": subject,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + 3600,
        }
        return self.mint.sign(claims(**said | changes))

    async def enter(self, token: str, workspace: str | None = None) -> Authenticated:
        headers = {} if workspace is None else {"x-coordinator-workspace": workspace}
        return await self.bearer.authenticate(token, request_info=about(headers))

    async def bound(self) -> list[tuple[str, str, int]]:
        """Who is bound: issuer, subject, member."""
        async with self.world.edge.read() as db:
            rows = await db.execute(
                select(
                    SignInIdentity.issuer, SignInIdentity.subject, SignInIdentity.member_id
                ).order_by(SignInIdentity.id)
            )
            return [(issuer, subject, member) for issuer, subject, member in rows]

    async def state_of(self, name: str) -> str:
        async with self.world.edge.read() as db:
            found = await db.get_one(Member, self.world.members[name])
            return found.state.value


def setting_for(server: Server, **changes: Any) -> IssuerSetting:
    """The issuer that a server is, matched by the directory's id unless said otherwise."""
    written = {
        "issuer": server.address,
        "audience": AUDIENCE,
        "workspaces": ["acme"],
        "match": "externalId",
    } | changes
    return IssuerSetting.model_validate(
        {name: value for name, value in written.items() if value is not ...}
    )


async def directory(world: World, name: str = "Okta", **external_ids: str) -> int:
    """A connection that knows these members by these ids of its own."""
    async with world.edge.transaction() as db:
        made = Connection(workspace_id=world.workspace_id, name=name, kind=ConnectionKind.SCIM)
        db.add(made)
        await db.flush()
        for member, external_id in external_ids.items():
            db.add(
                DirectoryPerson(
                    workspace_id=world.workspace_id,
                    connection_id=made.id,
                    member_id=world.members[member],
                    external_id=external_id,
                    user_name=f"{member.lower()}@{name.lower()}.example",
                )
            )
        return made.id
