"""Tests of the far ends."""
