"""Tests of the simulated readers."""
