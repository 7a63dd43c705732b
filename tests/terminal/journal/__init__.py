"""Tests of the journal: what is on disk is true, and nothing else is."""
