"""Tests of the simulated counter in a folder."""
