"""The page behind the link in an invitation."""

from app.activation.door import PREFIX, routes

__all__ = ["PREFIX", "routes"]
