"""Byte examples of cards, each with its origin."""
