"""`yibao doctor`: how every part of the counter is, why, and what to do next."""

import typer

from yibao.cli.common import CounterOption, JsonOption, find_counter, run_async
from yibao.cli.help import help_of
from yibao.cli.output import print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", help=help_of("doctor"), short_help=help_of("doctor"))(doctor)


def doctor(json: JsonOption = False, counter: CounterOption = None) -> int:
    """Look at every part; exit code 0 when none has a fault."""
    from yibao.doctor.examine import examine

    report = run_async(examine(find_counter(counter)))
    if json:
        print_json(report)
    else:
        from yibao.cli.doctor_page import show

        show(report)
    return 0 if report.ok else 1
