"""Everything here runs on a real PostgreSQL and a real Redis; see tests/conftest.py."""
