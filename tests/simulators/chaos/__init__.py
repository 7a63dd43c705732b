"""Tests of the chaos proxy."""
