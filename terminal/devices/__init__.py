"""What the counter does with its devices beyond printing and scanning."""
