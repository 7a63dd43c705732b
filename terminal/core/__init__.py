"""The settlement core: pure rules. `step(settlement, event) -> (settlement, effects)`; no I/O, clock or randomness.

Read in this order: `states` (what a settlement can be), `flows` (the steps of each business as a table), `outcome`
(what an answer proves), `machine` (the interpreter).
"""
