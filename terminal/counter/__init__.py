"""The running counter: takes what people and devices do to the core, and does in order what the core decides.

Begin with `counter`: its parts and its life. `engine` is the only place that commits, sends and tells, in that order; `effects`
is what asking and sending are. Whoever wishes something finds the verb in `sales`, `media`, `scans`, `refunds`,
`prescription_desk`, `slip_desk`, `goods` or `settlements`. `holds` and `gate` say why something may not begin, `recovery` takes
up what a start finds, `retries` is the reversal queue's clock, `session` the sign-in, `paper` the printer, `workroom` the tasks
in which all of it runs.
"""
