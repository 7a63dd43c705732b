"""Tests of the simulated wires."""
