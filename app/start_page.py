"""The page at `/`: what is here, for a person who has just started it."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LMS Coordinator</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 4rem auto;
    padding: 0 1rem }}
  dt {{ font-weight: 600; margin-top: 1rem }}
  dd {{ margin: 0 }}
  code {{ font-size: .95em }}
</style>
<h1>LMS Coordinator</h1>
<p>An identity change becomes course coordinators: exactly, at once, with a reason.</p>
<dl>
{entries}
</dl>
</html>
"""


def start_page(entries: list[tuple[str, str | None, str]]) -> HTMLResponse:
    """A page of (name, path or None, sentence)."""
    shown = "\n".join(_entry(*each) for each in entries)
    return HTMLResponse(_PAGE.format(entries=shown), headers={"content-security-policy": POLICY})


def _entry(name: str, path: str | None, sentence: str) -> str:
    term = f'<a href="{escape(path)}">{escape(name)}</a>' if path else escape(name)
    return f"<dt>{term}</dt><dd>{escape(sentence)}</dd>"


async def show(request: Request) -> HTMLResponse:
    """What this installation offers."""
    explorer = bool(request.app.state.installation.settings.shows_graphiql)
    return start_page(
        [
            (
                "GraphQL",
                "/graphql" if explorer else None,
                "POST /graphql; subscriptions over graphql-transport-ws and SSE on the same path."
                + (" The link opens the explorer." if explorer else ""),
            ),
            ("SCIM 2.0", None, "/scim/v2, for identity providers."),
            ("Webhooks", None, "/webhooks/{connection}, signed as Standard Webhooks."),
            ("Certificates", "/verify", "Anybody can check a certificate by its code."),
            ("Keys", "/.well-known/jwks.json", "Public keys of the local issuer."),
            ("Health", "/readyz", "/livez and /startupz beside it."),
            ("Tokens", None, "coordinator token mint --user NAME prints one for trying."),
        ]
    )
