"""Messages that change the hub outside a settlement: filings, catalogue mappings, stock and sales, files.

`kinds` is the table of what can be submitted, `rows` makes a message's content of what somebody wrote, `answers` reads
what came back, `looking` asks the hub after a lost answer, `runner` is the one task that does it all. The rules stand in
`terminal/core/submission.py`, the disk in `terminal/journal/submission_table.py`; why: docs/decisions/0013.
"""
