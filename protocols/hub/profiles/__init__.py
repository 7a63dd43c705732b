"""The shipped province profiles (TOML files, package data); callers read them with `importlib.resources`."""
