"""Random wishes of a front desk on a random bad day: the visit always comes to a clean end."""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from terminal.core.events import Misuse
from terminal.core.states import UNSENT
from terminal.core.values import Settlement
from terminal.counter.engine import Busy
from terminal.journal.records import JournalRefused
from tests.terminal.clinic.clinic import DIABETES, HYPERTENSION, STORY, Clinic, Window
from tests.terminal.clinic.test_collecting import file_hypertension
from tests.terminal.harness import in_line
from yibao.site.virtual_loop import run_virtual

pytestmark = in_line

INFNOS = (
    "1101",
    "2001",
    "5301",
    "2201",
    "2203A",
    "2204",
    "2205",
    "2202",
    "2206A",
    "2207A",
    "2208",
    "2601",
    "5201",
    "5203",
    "9001",
    "",
)
FAULTS = (
    "lose-answer",
    "lose-request",
    "bad-signature",
    "html",
    "cut 30",
    "delay 2",
    "delay 40",
    "duplicate",
    "other-message",
)

faults = st.tuples(st.just("fault"), st.sampled_from(FAULTS), st.sampled_from(INFNOS), st.integers(1, 3))
wishes = st.sampled_from(
    [
        ("quote",),
        ("confirm",),
        ("confirm",),
        ("abandon",),
        ("cancel",),
        ("open",),
        ("restart",),
        ("down",),
        ("up",),
    ]
)
lines = st.tuples(st.just("lines"), st.integers(0, 7))
picks = st.tuples(st.just("pick"), st.booleans())
waits = st.tuples(st.just("wait"), st.sampled_from([1, 130, 2000]))
days = st.lists(st.one_of(wishes, picks, picks, lines, faults, faults, waits), min_size=3, max_size=14)


class BadDay:
    """One front desk, one person, whatever happens."""

    def __init__(self, clinic: Clinic, window: Window) -> None:
        self.clinic = clinic
        self.window = window
        self.visits: list[Settlement] = []

    async def run(self, happenings: list[tuple[object, ...]]) -> None:
        """Work off a day, then heal everything and look at the books."""
        await self.wish(self.open)
        for name, *details in happenings:
            await self.happens(str(name), details)
        await self.heal()

    async def happens(self, name: str, details: list[object]) -> None:
        """One thing happens."""
        match name, details:
            case "fault", [str(fault), str(infno), int(count)]:
                self.clinic.arm(fault, infno, count)
            case "down" | "up", []:
                self.clinic.hub_link.down = name == "down"
            case "wait", [int(seconds)]:
                await self.window.pass_time(seconds)
            case "restart", []:
                self.window = await self.window.restart()
            case "open", []:
                await self.wish(self.open)
            case "pick", [bool(other)]:
                await self.wish(
                    lambda: self.window.pick(self.visits[-1], HYPERTENSION if other else DIABETES)
                )
            case "lines", [int(chosen)]:
                sheet = tuple(line for place, line in enumerate(STORY) if chosen >> place & 1)
                await self.wish(lambda: self.window.counter.sales.set_lines(self.visits[-1].id, sheet))
            case "quote", []:
                await self.wish(lambda: self.window.counter.sales.quote(self.visits[-1].id))
            case "confirm", []:
                await self.wish(lambda: self.window.confirm(self.visits[-1]))
            case "abandon", []:
                await self.wish(lambda: self.window.abandon(self.visits[-1]))
            case "cancel", []:
                await self.wish(lambda: self.window.cancel(self.visits[-1]))
            case _:
                raise AssertionError(name)

    async def open(self) -> None:
        """The person comes (again)."""
        self.visits.append(await self.window.open(str(len(self.visits))))
        await self.window.type_number(self.visits[-1])

    async def wish(self, wanted: Callable[[], Awaitable[object]]) -> None:
        """Somebody wants something; the counter may say that it does not fit."""
        try:
            await wanted()
        except (Busy, Misuse, JournalRefused):
            return

    async def heal(self) -> None:
        """The hub is well again and everything unfinished is given up: nothing may be left anywhere."""
        self.clinic.hub_link.down = False
        self.clinic.world.hub.clear()
        await self.window.pass_time(60)
        for visit in self.visits:
            if (await self.window.get(visit)).state in UNSENT:
                await self.window.abandon(visit)
        await self.window.rest(24 * 3600)
        self.clinic.assert_clean(self.window)
        uploaded = Counter(told["feedetail"][0]["chrg_bchno"] for told in self.clinic.hub_link.inputs("2204"))
        assert not uploaded or max(uploaded.values()) == 1, "a charge batch number never repeats"
        await self.window.till.stop()


@given(days)
def test_whatever_a_front_desk_wishes_on_a_bad_day_ends_clean(happenings: list[tuple[object, ...]]) -> None:
    async def day() -> None:
        with TemporaryDirectory() as folder:
            clinic = Clinic(Path(folder))
            file_hypertension(clinic)
            await BadDay(clinic, await clinic.window()).run(happenings)

    run_virtual(day)
