"""Tests of the evidence capsule."""
