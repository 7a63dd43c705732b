"""`yibao journal`: list and show ask the running service; verify reads the file itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import CounterOption, JsonOption, SaleArgument, find_counter, with_client, with_sale
from yibao.cli.errors import CommandFailed, WrongUse
from yibao.cli.help import help_of
from yibao.cli.keys import PasswordFile, read_password
from yibao.cli.output import print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    from terminal.config import CounterFiles
    from terminal.journal.vault import Vault

Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help=help_of("journal.limit"))]
NoKey = Annotated[bool, typer.Option("--no-key", help=help_of("journal.no_key"))]
Anchor = Annotated[
    str, typer.Option("--anchor", metavar="SEQUENCE:HASH", help=help_of("journal.anchor"), show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=help_of("journal"), short_help=help_of("journal"), no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list", help=help_of("journal.list"), short_help=help_of("journal.list"))(list_sales)
    group.command("show", help=help_of("journal.show"), short_help=help_of("journal.show"))(show)
    group.command("verify", help=help_of("journal.verify"), short_help=help_of("journal.verify"))(verify)
    app.add_typer(group, name="journal")


def list_sales(limit: Limit = 20, json: JsonOption = False, counter: CounterOption = None) -> None:
    """List the newest sales."""
    from yibao.cli.tables import Screen

    rows = with_client(counter, lambda client: client.recent(limit))
    if json:
        print_json(rows)
    elif rows:
        Screen().summaries(rows)
    else:
        tell(say("no_sales"))


def show(sale: SaleArgument, json: JsonOption = False, counter: CounterOption = None) -> None:
    """Show one sale with its messages and slips."""
    from yibao.cli.tables import Screen

    found = with_sale(counter, sale, lambda client, settlement_id: client.history(settlement_id))
    print_json(found) if json else Screen().history(found)


def verify(
    no_key: NoKey = False,
    password_file: PasswordFile = None,
    anchor: Anchor = "",
    json: JsonOption = False,
    counter: CounterOption = None,
) -> int:
    """Check the journal file."""
    from terminal.config import read_config
    from terminal.journal.verify import verify_journal

    files = read_config(find_counter(counter))
    if not files.journal_path.exists():
        raise CommandFailed(say("no_journal", path=str(files.journal_path)))
    vault = None if no_key else _vault(files, password_file)
    report = verify_journal(str(files.journal_path), vault, _parse_anchor(anchor))
    if json:
        print_json({"ok": report.ok, "report": report})
        return 0 if report.ok else 1
    for finding in report.findings:
        print(f"{finding.code}: {finding.where}: {finding.text}")
    if report.ok:
        code = "journal_good" if report.key_used else "journal_good_no_key"
        counts = {
            "settlements": str(report.settlements),
            "attempts": str(report.attempts),
            "records": str(report.audit_records),
        }
        tell(say(code, **counts, head=f"{report.audit_records}:{report.head}"))
        return 0
    tell(say("journal_bad", count=str(len(report.findings))))
    return 1


def _vault(files: "CounterFiles", password_file: Path | None) -> "Vault":
    import secrets

    from drivers.signers import SoftwareKeyStore
    from terminal.journal.vault import Vault

    keys = SoftwareKeyStore(files.path(files.config.keys.dir)).unlock(read_password(files, password_file))
    return Vault(keys.field_key, secrets.token_bytes)


def _parse_anchor(text: str) -> tuple[int, bytes] | None:
    if not text:
        return None
    number, _, digest = text.partition(":")
    try:
        return int(number), bytes.fromhex(digest)
    except ValueError:
        raise WrongUse(say("wrong_anchor", text=text)) from None
