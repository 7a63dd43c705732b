"""Tests of the simulated scanner."""
