"""Tests of the door: the command line and the whole-site simulation."""
