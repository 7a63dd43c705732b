"""A fault script: which requests to the hub meet which faults, from one seed. TOML or JSON.

    seed = 7

    [[step]]                      # the 3rd and 4th settlement lose their answers
    fault = "lose-answer"         # as people write it, or { kind = "cut", at = 40 }
    infno = "2102"                # "" or left out: of any transaction
    nth = 3                       # counted from the loading of the script; 1
    count = 2                     # 1

    [[rate]]                      # one reversal in ten comes two seconds late
    fault = "delay 2"
    infno = "2601"
    share = 0.1

The first step that fits is taken, then the first rate whose draw falls. What cannot be understood is refused as a whole.
"""

import tomllib
from random import Random
from typing import Final

import msgspec

from simulators.hub.faults import Fault, check_fault, check_infno, parse_fault

MAX_ENTRIES: Final = 10_000


class ScriptError(ValueError):
    """A script that cannot be used; the text names file, key and reason."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault for the `nth` request of `infno` ("" = of any) and `count - 1` more after it."""

    fault: Fault
    infno: str = ""
    nth: int = 1
    count: int = 1


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault for a share, from 0 to 1, of the requests of `infno` ("" = of any)."""

    fault: Fault
    share: float
    infno: str = ""


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is planned."""

    seed: int = 0
    step: tuple[Step, ...] = ()
    rate: tuple[Rate, ...] = ()

    def fault_for(self, infno: str, nth: int, nth_of_all: int) -> Fault | None:
        """The fault for the `nth` request of `infno`, which is the `nth_of_all` of any; None for most."""
        for step in self.step:
            number = nth if step.infno else nth_of_all
            if step.infno in ("", infno) and 0 <= number - step.nth < step.count:
                return step.fault
        for place, rate in enumerate(self.rate):
            if rate.infno in ("", infno) and self._draw(place, infno, nth) < rate.share:
                return rate.fault
        return None

    def _draw(self, place: int, infno: str, nth: int) -> float:
        return Random(f"{self.seed} {place} {infno} {nth}").random()


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step or a rate as it is written."""

    fault: str | dict[str, object]
    infno: str = ""


class _Step(_Entry, frozen=True, forbid_unknown_fields=True):
    nth: int = 1
    count: int = 1


class _Rate(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    share: float


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: int = 0
    step: tuple[_Step, ...] = ()
    rate: tuple[_Rate, ...] = ()


def parse_script(text: str, file: str = "script") -> Script:
    """Read a script; a name that ends in .json is JSON, any other TOML. Raises `ScriptError`."""
    try:
        plain = msgspec.json.decode(text) if file.endswith(".json") else tomllib.loads(text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, ValueError) as wrong:
        raise ScriptError(file, "", str(wrong)) from None
    return read_script(plain, file)


def read_script(plain: object, file: str = "script") -> Script:
    """The script in plain values, as TOML and JSON give them. Raises `ScriptError`."""
    try:
        written = msgspec.convert(plain, _Written)
    except msgspec.ValidationError as wrong:
        reason, _, path = str(wrong).partition(" - at `$")
        raise ScriptError(file, path.strip("`."), reason) from None
    if len(written.step) + len(written.rate) > MAX_ENTRIES:
        raise ScriptError(file, "step, rate", f"more than {MAX_ENTRIES} entries")
    return Script(
        written.seed,
        tuple(_step(one, file, f"step[{place}]") for place, one in enumerate(written.step)),
        tuple(_rate(one, file, f"rate[{place}]") for place, one in enumerate(written.rate)),
    )


def _step(written: _Step, file: str, key: str) -> Step:
    fault = _fault(written, file, key)
    for name in ("nth", "count"):
        if getattr(written, name) < 1:
            raise ScriptError(file, f"{key}.{name}", "must be 1 or more")
    return Step(fault, written.infno, written.nth, written.count)


def _rate(written: _Rate, file: str, key: str) -> Rate:
    fault = _fault(written, file, key)
    if not 0.0 <= written.share <= 1.0:
        raise ScriptError(file, f"{key}.share", "must be from 0 to 1")
    return Rate(fault, written.share, written.infno)


def _fault(written: _Entry, file: str, key: str) -> Fault:
    try:
        check_infno(written.infno)
    except ValueError as wrong:
        raise ScriptError(file, f"{key}.infno", str(wrong)) from None
    try:
        if isinstance(written.fault, str):
            return parse_fault(written.fault)
        fault: Fault = msgspec.convert(written.fault, Fault)
        check_fault(fault)
    except (msgspec.ValidationError, ValueError) as wrong:
        raise ScriptError(file, f"{key}.fault", str(wrong)) from None
    return fault
