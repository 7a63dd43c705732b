"""The clinic flow at the terminal: a visit for a filed chronic disease, against the hub simulator."""
