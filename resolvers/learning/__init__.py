"""How questions about learners, their groups and their progress are answered."""
