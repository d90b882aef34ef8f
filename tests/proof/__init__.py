"""The permission model, proven cell by cell and field by field, without asking `access/`."""
