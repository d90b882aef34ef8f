"""The door through which people bring files of rows."""

from app.imports.door import routes as routes
