"""What is stored: tables, views, and the journal. No decisions are made in this room.

Importing any part of it registers all tables, so that every foreign key finds what it names.
"""

import models.metadata  # noqa: F401
