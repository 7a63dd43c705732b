"""Tests of serial lines."""
