"""The reports by name."""

import datetime as dt
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from simulators.control import Report
from simulators.hub.reports import clearing, contributions, monitoring
from simulators.hub.reports.books import Books
from simulators.hub.reports.parameters import Parameters
from simulators.hub.reports.refused import ReportRefused

FEED: Final = "feed"
_FROM_BOOKS: Final[Mapping[str, Callable[[Books, Parameters], Report]]] = MappingProxyType(
    {
        "areas": monitoring.areas,
        "clearing": clearing.clearing,
        "heads": clearing.heads,
        "procurement": clearing.procurement,
        "funds": clearing.funds,
        "budget": clearing.budget,
        "prices": monitoring.prices,
        "burdens": monitoring.burdens,
        "duplicates": monitoring.duplicates,
        "events": monitoring.events,
        "averages": monitoring.averages,
    }
)
_FROM_PARAMETERS: Final[Mapping[str, Callable[[Parameters], Report]]] = MappingProxyType(
    {"inpatient": clearing.inpatient, "contributions": contributions.contributions}
)
NAMES: Final = (*_FROM_BOOKS, *_FROM_PARAMETERS, FEED)


def make(name: str, books: Books, parameters: Parameters, purpose: str, today: dt.date) -> Report:
    """One report; `purpose` matters to the feed only. Raises `ReportRefused`."""
    if name in _FROM_BOOKS:
        return _FROM_BOOKS[name](books, parameters)
    if name in _FROM_PARAMETERS:
        return _FROM_PARAMETERS[name](parameters)
    if name == FEED:
        return monitoring.feed(books, parameters, purpose, today)
    raise ReportRefused(f"no report '{name}'; there are {', '.join(NAMES)}")
