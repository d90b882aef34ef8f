"""Files that are brought: people, and who is to learn what; tried first, done on a word, row by
row, each row with what became of it."""
