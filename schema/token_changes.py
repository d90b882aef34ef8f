"""Making and ending tokens of our own."""

from resolvers import token_changes
from resolvers.answers import Answer
from schema.payloads import Payload
from schema.requires import SIGNED_IN, column, done_by, guarded_type, resolved_by
from schema.token import OWN_OR_MANAGER, Token


@guarded_type(requires=SIGNED_IN, description="A token was made or ended.", rows=Answer)
class TokenPayload(Payload):
    secret: str | None = column(
        "secret", requires=SIGNED_IN, description="The token itself: shown this once."
    )
    token: Token | None = resolved_by(
        token_changes.touched_token, requires=SIGNED_IN, description="The token, after."
    )


@guarded_type(requires=SIGNED_IN, description="What can be done about tokens.")
class TokenMutation:
    create_token: TokenPayload | None = done_by(
        token_changes.create_token,
        requires=OWN_OR_MANAGER,
        description="A token for oneself; managers make them for programs and for others.",
    )
    revoke_token: TokenPayload | None = done_by(
        token_changes.revoke_token,
        requires=OWN_OR_MANAGER,
        description="End a token at once, and every stream that rests on it.",
    )
