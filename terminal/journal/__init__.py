"""The journal: what this counter owes and knows, on disk, before anybody acts on it or is told.

Begin with `journal`: the one object, its two great writes, and the parts it is made of. Each part is a file: the tables
`settlement_table`, `attempt_table`, `queue_table`, `receipt_table`, `submission_table`, `anchor_table`, `outbox`, the log
`audit_chain`, and `retention`, which deletes. All stand on `store` (connection, transaction, what an error means) and seal what names
people or goods through `sealing`, `day_keys` and `vault`; `sheet` is what is sealed, `records` the values that go in and
come out, `times` their clock times.

`opening` creates and opens the file, `schema` holds its tables and SQL guards, `migrations` bring an older file there,
`thread` is the one thread that owns the journal in the application. Beside a running service `verify`, `glance`,
`backup` and `export` look at the file by themselves.
"""
