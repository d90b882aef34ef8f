"""WHAT LISTENS. The only room that reads the environment and opens connections."""
