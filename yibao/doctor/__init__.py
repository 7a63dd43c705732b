"""`yibao doctor`: looks at every part of a counter and says how it is, why, and what to do next.

`examine` is the way in. With a running service the service is asked for what it owns (its devices, its keys, its open
doubts); without one the doctor opens the devices itself, looks, and lets them go. The journal is only ever read.
"""
