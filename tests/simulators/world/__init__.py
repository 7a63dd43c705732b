"""Tests of the invented places and goods."""
