"""Long work that people ask for: who may, in which order it is done, and how long it is kept."""
