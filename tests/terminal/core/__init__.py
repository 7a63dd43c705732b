"""Tests of the settlement core: pure rules, no I/O."""
