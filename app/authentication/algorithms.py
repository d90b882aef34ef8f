"""How tokens may be signed: by private keys only, whose public halves are no secrets."""

from typing import Final

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "EdDSA", "Ed25519"}
)
