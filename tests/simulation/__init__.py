"""The whole site from a seed."""
