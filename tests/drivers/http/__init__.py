"""Tests of the HTTP drivers."""
