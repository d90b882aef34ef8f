"""The door for files of modules."""

from app.attachments.door import routes

__all__ = ["routes"]
