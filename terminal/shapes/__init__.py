"""What both ends of the local API know: what is told, and what is asked of the hub beside any sale. Values alone.

A client loads these and no server: nothing here names a counter, a journal or a library of the service. What is wished
of a sale stands in `terminal/counter/wishes.py`; who builds these values of facts stands in `terminal/api`.
"""
