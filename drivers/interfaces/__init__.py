"""The contracts between the application and the things on and behind the counter.

Each file is one contract and fits on a page: what can be asked, what comes back, which named faults there are and
what is true afterwards. The application names only these; `terminal/app.py` alone chooses the concrete drivers.
Simulators stand behind the same wires (pty, socket, reader), not behind these contracts.
"""
