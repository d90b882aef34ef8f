"""What is stored: tables, views, and the journal. No decisions are made in this room."""
