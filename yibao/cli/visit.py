"""`yibao visit`: a clinic visit, from the medium to the acknowledged result."""

import sys
from typing import Annotated

import typer

from yibao.cli.common import CounterOption, JsonOption, WaitOption, YesOption, with_client
from yibao.cli.errors import WrongUse
from yibao.cli.help import help_of
from yibao.cli.sale import Code, Insutype, Items, Lines, Number, Reason, wishes_of
from yibao.words import say

Card = Annotated[bool, typer.Option("--card", help=help_of("visit.card"))]
IdNumber = Annotated[bool, typer.Option("--id-number", help=help_of("visit.id_number"))]
Disease = Annotated[
    str, typer.Option("--disease", metavar="CODE", help=help_of("visit.disease"), show_default=False)
]
Diagnosis = Annotated[
    str, typer.Option("--diagnosis", metavar="CODE:NAME", help=help_of("visit.diagnosis"), show_default=False)
]
Kind = Annotated[
    str, typer.Option("--benefit", metavar="KIND", help=help_of("visit.benefit"), show_default=False)
]
Epidemic = Annotated[bool, typer.Option("--epidemic", help=help_of("visit.epidemic"))]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("visit", help=help_of("visit"), short_help=help_of("visit"))(visit)


def visit(
    card: Card = False,
    id_number: IdNumber = False,
    code: Code = "",
    disease: Disease = "",
    diagnosis: Diagnosis = "",
    benefit: Kind = "",
    insutype: Insutype = "",
    epidemic: Epidemic = False,
    item: Items = None,
    line: Lines = None,
    number: Number = "",
    reason: Reason = "",
    yes: YesOption = False,
    json: JsonOption = False,
    wait: WaitOption = 60.0,
    counter: CounterOption = None,
) -> int:
    """Attend a patient."""
    from yibao.cli.visit_dialogue import VisitOrder, attend

    if card + id_number + bool(code) > 1:
        raise WrongUse(say("one_medium"))
    order = VisitOrder(
        lines=wishes_of(item or [], line or []),
        code="".join(code.split()),
        number=number,
        confirmed=yes,
        follow_s=wait,
        interactive=sys.stdin.isatty(),
        reason=reason.strip(),
        card=card,
        identity_number=id_number,
        disease=disease.strip().upper(),
        diagnosis=diagnosis_of(diagnosis),
        benefit=benefit,
        insutype=insutype,
        epidemic=epidemic,
    )
    return with_client(counter, lambda client: attend(client, order, as_json=json))


def diagnosis_of(text: str) -> tuple[str, str] | None:
    """What `--diagnosis` says, None without it; raises `WrongUse`."""
    from yibao.cli.visit_dialogue import parse_diagnosis

    found = parse_diagnosis(text)
    if text and found is None:
        raise WrongUse(say("wrong_diagnosis", text=text))
    return found
