"""Tests of the counter's devices."""
