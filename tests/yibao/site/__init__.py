"""Tests of the whole-site simulation."""
