"""Tests of `yibao demo`."""
