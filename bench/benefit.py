"""The benefit engine over all settle steps of the 74 worked cases, beside the bare arithmetic of the same steps.

The floor does on plain integers, with every rule looked up beforehand, what no engine can leave out: price, ceiling
and shares of each line, the pool with its ratio and rests, the bands of serious illness, the sums, account and cash.
What enterprise, civil servant, assistance and further layers pay is handed to it. Both sides run in turn, so that a
slow moment of the machine meets both. The promise is a rate, 10,000 steps/s on one core; the limit is that rate
against the floor of the same run.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.result import Result
from simulators.benefit import case_file
from simulators.benefit.catalogue import Place
from simulators.benefit.engine import Calculation, accumulate, settle
from simulators.benefit.layers import tilt_of
from simulators.benefit.model import AccountState, Accumulators, Line, Person, Refusal, Visit
from simulators.benefit.policy_set import PolicySet, TiltRule

CASES = Path(__file__).parents[1] / "tests" / "vectors" / "benefit" / "benefit-cases.json"
ROUNDS = 40
PROMISED_STEPS_PER_S = 10_000
NO_LIMIT = 10**15


class Job(NamedTuple):
    """The arguments of one settle step."""

    policy: PolicySet
    place: Place
    person: Person
    account: AccountState
    before: Accumulators
    visit: Visit
    lines: tuple[Line, ...]


class Sheet(NamedTuple):
    """The same step as bare numbers."""

    lines: tuple[tuple[int, int, int, int, int, bool, bool], ...]
    """Quantity, price, ceiling, share, out-of-area share, wholly self-paid, negotiated."""
    deductible_left: int
    ratio: int
    rest: int
    nego_ratio: int
    nego_rest: int
    main_counts: bool
    nego_counts: bool
    bands: tuple[tuple[int, int, int], ...]
    year_before: int
    serious_rest: int
    given: int
    """What the layers above serious illness pay."""
    excluded: int
    account: int


def bare(sheet: Sheet) -> int:
    """Cash of one step by arithmetic alone."""
    total = main = nego = 0
    for quantity, price, ceiling, share, area_share, own, negotiated in sheet.lines:
        amount = (quantity * price + 50_000_000) // 100_000_000
        total += amount
        if own:
            continue
        payable = min(amount, (quantity * ceiling + 5_000) // 10_000)
        payable -= (payable * share + 5_000) // 10_000
        payable -= (payable * area_share + 5_000) // 10_000
        if negotiated:
            nego += payable
        else:
            main += payable
    due = min(main, sheet.deductible_left)
    pool = min(((main - due) * sheet.ratio + 5_000) // 10_000, sheet.rest)
    nego_pool = min((nego * sheet.nego_ratio + 5_000) // 10_000, max(0, sheet.nego_rest - pool))
    start = sheet.year_before
    end = start + (main - pool if sheet.main_counts else 0) + (nego - nego_pool if sheet.nego_counts else 0)
    exact = 0
    for lower, upper, ratio in sheet.bands:
        exact += max(0, min(end, upper) - max(start, lower)) * ratio
    serious = min((exact + 5_000) // 10_000, sheet.serious_rest)
    person = total - pool - nego_pool - serious - sheet.given
    return person - min(max(0, person - sheet.excluded), sheet.account)


def jobs() -> list[tuple[Job, Calculation]]:
    """Every settle step that is not refused, with the records it starts from and what it comes to."""
    found = case_file.parse_file(CASES.read_text("utf-8"), CASES.name)
    steps: list[tuple[Job, Calculation]] = []
    for node in found.cases.values():
        case = case_file.parse_case(node)
        for outcome in case_file.run(found, case):
            visit = outcome.step.visit
            if visit is None or outcome.calculation is None:
                continue
            job = Job(
                found.book.version(case.policy_set, visit.fee_date),
                found.book.place(visit.place),
                case.person,
                outcome.before.account,
                case_file.year_of(outcome.before, visit.fee_date.year),
                visit,
                outcome.step.lines,
            )
            steps.append((job, outcome.calculation))
    return steps


def sheet_of(job: Job, found: Calculation) -> Sheet:
    """Look every rule up beforehand."""
    steps, result, insutype = found.steps, found.result, job.person.insutype
    pooled, epidemic = steps.terms.pooled, job.visit.epidemic
    serious = job.policy.serious_illness.get(insutype)
    kinds = {steps.terms.kind, "chr1"} if steps.terms.class_one else {steps.terms.kind}
    tilt = tilt_of(job.policy, job.person)
    own_account = job.account.balance_fen if insutype == "310" else 0
    relatives = (
        sum(relative.balance_fen for relative in result.account_after.relatives) + result.mutual_aid_fen
    )
    shared = relatives if job.visit.area in ("local", "intra") else 0
    return Sheet(
        lines=tuple(
            (
                line.quantity_e4,
                line.price_micro,
                NO_LIMIT if split.ceiling_fen is None or epidemic else split.ceiling_fen,
                0 if epidemic else split.share_bp,
                0 if epidemic else steps.area_share_bp,
                split.full_self_fen > 0,
                split.bucket == "nego",
            )
            for line, split in zip(job.lines, steps.lines, strict=True)
        ),
        deductible_left=max(0, steps.deductible.standard_fen - steps.deductible.used_before_fen)
        if steps.terms.base_bp
        else 0,
        ratio=steps.terms.ratio_bp,
        rest=min([limit.rest_fen for limit in steps.pool.limits], default=0),
        nego_ratio=steps.terms.nego_ratio_bp,
        nego_rest=steps.pool.nego_rest_fen + steps.pool.main_fen,
        main_counts=pooled and serious is not None and not kinds.isdisjoint(serious.counts),
        nego_counts=serious is not None and "nego" in serious.counts,
        bands=_bands(job.policy, insutype, tilt),
        year_before=job.before.si_base_fen,
        serious_rest=NO_LIMIT if steps.serious.rest_fen is None else steps.serious.rest_fen,
        given=result.enterprise_fen + result.civil_servant_fen + result.assistance_fen + result.other_fen,
        excluded=steps.sums.excluded_fen,
        account=own_account + shared if job.visit.account_use == "family" else 0,
    )


def _bands(policy: PolicySet, insutype: str, tilt: TiltRule | None) -> tuple[tuple[int, int, int], ...]:
    rule = policy.serious_illness.get(insutype)
    if rule is None:
        return ()
    bands = [
        [band.from_fen, NO_LIMIT if band.to_fen is None else band.to_fen, band.ratio_bp]
        for band in rule.bands
    ]
    if tilt is not None:
        bands[0][0] = (bands[0][0] * tilt.threshold_factor_bp + 5_000) // 10_000
        for band in bands:
            band[2] += tilt.ratio_add_bp
    return tuple((lower, upper, ratio) for lower, upper, ratio in bands)


def run() -> list[Result]:
    """Measure one settle step with its accumulators booked, per step in milliseconds."""
    steps = jobs()
    sheets = [sheet_of(job, found) for job, found in steps]
    # A floor that computes something else would flatter nobody: prove that both sides do the same work.
    for sheet, (job, found) in zip(sheets, steps, strict=True):
        if bare(sheet) != found.result.cash_fen:
            raise RuntimeError(
                f"bare arithmetic and engine differ on {job.visit}; the figures would mean nothing"
            )
    arguments = [job for job, _ in steps]
    ours, floor = [], []
    for _ in range(ROUNDS):
        ours.append(_engine_ms(arguments))
        floor.append(_bare_ms(sheets))
    ours_ms, floor_ms = statistics.median(ours), statistics.median(floor)
    promised_ms = 1000 / PROMISED_STEPS_PER_S
    note = (
        f"{1000 / ours_ms:,.0f} settle steps/s (promised {PROMISED_STEPS_PER_S:,}) over {len(steps)} steps of 74"
        f" cases, against {1000 / floor_ms:,.0f}/s of bare arithmetic"
    )
    return [Result("benefit settle step", ours_ms, floor_ms, promised_ms / floor_ms, note)]


def _engine_ms(arguments: Sequence[Job]) -> float:
    start = time.perf_counter()
    for job in arguments:
        result = settle(*job)
        if not isinstance(result, Refusal):
            accumulate(job.before, result.contributions)
    return (time.perf_counter() - start) * 1000 / len(arguments)


def _bare_ms(sheets: Sequence[Sheet]) -> float:
    start = time.perf_counter()
    for sheet in sheets:
        bare(sheet)
    return (time.perf_counter() - start) * 1000 / len(sheets)


def main() -> None:
    """Print the figures."""
    for result in run():
        print(f"{result.name}: {result.ours_ms:.4f} ms, floor {result.floor_ms:.4f} ms, x {result.ratio:.1f}")
        print(f"  limit x {result.limit_ratio:.1f}; {result.note}")


if __name__ == "__main__":
    main()
