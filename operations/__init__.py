"""What can be done: one function per verb, whoever calls. Nothing here commits."""
