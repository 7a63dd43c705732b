"""Tests against real hardware on a bench; each rig is a file under rigs/."""
