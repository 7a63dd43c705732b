"""Crash anywhere, start again, compare with the hub's books."""
