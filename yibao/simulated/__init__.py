"""A whole simulated counter in one folder: its files, the far ends behind it, and the client that moves them."""
