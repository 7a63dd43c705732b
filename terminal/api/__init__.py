"""The local HTTP API: what every command, screen, till and façade uses; there is no private entrance.

`routes` is the verbs, `views` builds what is said about a settlement, `service` is the state before a counter exists, `server`
the Unix socket. What is said has its shapes in `terminal/shapes`. docs/api.md tells a till's vendor how to use it.
"""
