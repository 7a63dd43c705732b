"""The terminal on the fleet channel: presence, health, evidence out; notices and signed commands in.

`link` keeps the two broker sessions, `pacing` says when to try again, `outbox` empties the journal's outbox, `health`
makes snapshots, `evidence` decides what must be told, `notices` and `commands` take what comes in. Nothing here is
awaited by a sale: the broker may be away for as long as it likes.
"""
