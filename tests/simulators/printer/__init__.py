"""The simulated printer."""
