"""Evidence of a settlement in one file: what was signed, what was answered, and how anyone verifies it."""
