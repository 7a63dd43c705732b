"""Tests of the benefit engine."""
