"""Programs for working on the project: locks, system packages, documents."""
