"""WHO MAY DO WHAT: the permission matrix, scopes and conditions. Standard library only."""
