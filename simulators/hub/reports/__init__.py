"""Reports that only a hub can give: clearing, funds, contributions, monitoring.

Pure functions over the hub's settlement records and a file of parameters (`parameters.toml`); nothing here changes
what a person pays. `registry` lists them by name, `books` is what they read; what they give is a `Report`
(`simulators/control.py`).
"""
