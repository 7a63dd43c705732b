"""Tests of the simulated far end of the fleet channel."""
