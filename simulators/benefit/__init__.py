"""The province's benefit engine: who pays how much of one visit, to the fen.

`model` holds the values, `engine` the calculation, `policies` and `catalogue` read the data files of the
provinces, `cases` checks worked cases and `explain` tells a calculation in words. Everything is pure but the
loading of the shipped data files; money is integer fen and a ratio a whole number of 1/10000, never a float.
"""
