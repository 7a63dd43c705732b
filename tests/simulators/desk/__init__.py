"""Tests of the simulated things on a counter."""
