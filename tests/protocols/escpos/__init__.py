"""ESC/POS bytes, both directions."""
