"""Tests of the simulated certificate centre."""
