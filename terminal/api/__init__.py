"""The local HTTP API: what every command, screen, till and façade uses; there is no private entrance.

`views` is what is said about a settlement, `service` the state before a counter exists, `routes` the verbs, `server`
the Unix socket. docs/api.md tells a till's vendor how to use it.
"""
