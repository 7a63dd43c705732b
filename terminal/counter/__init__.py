"""The running counter: takes what people and devices do to the core, and does in order what the core decides.

`engine` is the only place that commits, sends and tells, in that order. Around it: `session` (sign-in), `retries`
(the reversal queue's clock), `paper` (slips), `scanning` (the scanner), `counter` (the verbs the local API offers).
"""
