"""The journal: what this counter owes and knows, on disk, before anybody acts on it or is told.

`schema` holds the tables and the SQL guards, `vault` the encryption of what names people, `records` the values,
`journal` the only writer, `verify` the checker, `thread` the one thread that owns the connection in the application.
"""
