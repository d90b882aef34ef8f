"""How questions about the content of modules are answered, and how it is written."""
