"""Real processes, killed in every cell of the kill matrix and at random instants; see docs/testing.md."""
