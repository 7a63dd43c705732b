"""Tests of the fleet link of the terminal."""
