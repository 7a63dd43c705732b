"""Tests of the simulated card."""
