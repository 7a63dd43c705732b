"""`yibao sim run`: a whole shop for two business days, from a seed, with everything that can go wrong."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yibao.cli.common import JsonOption
from yibao.cli.help import help_of
from yibao.cli.output import print_json

if TYPE_CHECKING:
    from yibao.site.site import Report

MOST_SALES = 100_000


def run(
    seed: Annotated[int, typer.Option("--seed", min=0, help=help_of("sim.run.seed"), show_default=False)],
    sales: Annotated[int, typer.Option("--sales", min=2, max=MOST_SALES, help=help_of("sim.run.sales"))] = 60,
    twin: Annotated[
        str, typer.Option("--twin", metavar="NAME", help=help_of("sim.run.twin"), show_default=False)
    ] = "",
    json: JsonOption = False,
) -> int:
    """Run one simulation; 1 when an invariant broke."""
    from yibao.site.simulation import simulate
    from yibao.site.twins import TWINS

    if twin and twin not in TWINS:
        raise typer.BadParameter(f"--twin: {', '.join(TWINS)}")
    report = simulate(seed, sales, twin)
    result = result_of(report)
    if json:
        print_json(result, compact=True)
    else:
        for name, value in result.items():
            print(f"{name:<16} {value}")
    if report.breaks:
        _explain(report, sales, twin)
    return 1 if report.breaks else 0


def result_of(report: "Report") -> dict[str, Any]:
    """What is printed of a run: one JSON object."""
    from yibao.site.delays import share_below

    return {
        "seed": report.seed,
        "sales": report.sales,
        "settlements": report.settlements,
        "faulted": report.faulted,
        "breaks": report.breaks,
        "log_hash": report.log_hash,
        "real_keys": report.real_keys,
        "virtual_hours": round(report.virtual_hours, 3),
        "healed_after_s": round(report.healed_after_s, 3),
        "doubts": len(report.final_after_s),
        "final_p50_s": share_below(report.final_after_s, 0.5),
        "final_p99_s": share_below(report.final_after_s, 0.99),
        "final_max_s": max(report.final_after_s, default=0.0),
        "days_compared": report.days_compared,
        "faults": dict(report.faults),
        "broken": [f"{one.invariant} {one.text}" for one in report.broken],
    }


def _explain(report: "Report", sales: int, twin: str) -> None:
    """On stderr: what broke, under which faults, what happened last, and the command that replays it."""
    from yibao.site.swarm import replay_command

    def tell(text: str) -> None:
        print(text, file=sys.stderr)

    tell(f"seed {report.seed}: {report.breaks} breaks")
    for one in report.broken[:20]:
        tell(f"    {one.invariant}  {one.text}")
    tell(f"drawn: {dict(report.weather)}")
    tell(f"fired: {dict(report.faults)}")
    tell("last events (virtual seconds):")
    for event in report.last_events:
        tell(f"    {event}")
    tell(f"replay: {replay_command(report.seed, sales, twin)}")
