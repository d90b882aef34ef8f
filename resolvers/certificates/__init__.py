"""How questions about certificates are answered."""
