"""Tests of the e-certificate messages."""
