"""How questions about live sessions are answered, and what is done with them."""
