"""Tests of lines and codes."""
