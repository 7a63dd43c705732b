"""A report that the hub does not give."""


class ReportRefused(ValueError):
    """A report that is not given, with the reason."""
