"""`yibao journal`: list and show ask the running service; verify reads the file itself."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yibao.cli.common import (
    CounterOption,
    JsonOption,
    SaleArgument,
    find_counter,
    noted_anchor,
    with_client,
    with_sale,
)
from yibao.cli.errors import CommandFailed, WrongUse
from yibao.cli.help import help_of
from yibao.cli.keys import PasswordFile, read_password
from yibao.cli.output import new_file, print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    from terminal.config import CounterFiles
    from terminal.journal.vault import Vault

VERIFIER: Final = "verify_export.py"
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help=help_of("journal.limit"))]
NoKey = Annotated[bool, typer.Option("--no-key", help=help_of("journal.no_key"))]
Anchor = Annotated[
    str, typer.Option("--anchor", metavar="RECORDS:HASH", help=help_of("journal.anchor"), show_default=False)
]


BackupFile = Annotated[
    Path, typer.Argument(metavar="FILE", help=help_of("journal.backup_file"), show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=help_of("journal"), short_help=help_of("journal"), no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list", help=help_of("journal.list"), short_help=help_of("journal.list"))(list_sales)
    group.command("show", help=help_of("journal.show"), short_help=help_of("journal.show"))(show)
    group.command("verify", help=help_of("journal.verify"), short_help=help_of("journal.verify"))(verify)
    group.command(
        "anchor", help=help_of("journal.newest_anchor"), short_help=help_of("journal.newest_anchor")
    )(newest_anchor)
    group.command("accept", help=help_of("journal.accept"), short_help=help_of("journal.accept"))(accept)
    group.command("export", help=help_of("journal.export"), short_help=help_of("journal.export"))(export)
    group.command("backup", help=help_of("journal.backup"), short_help=help_of("journal.backup"))(backup)
    group.command("expire", help=help_of("journal.expire"), short_help=help_of("journal.expire"))(expire)
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
    report = verify_journal(str(files.journal_path), vault, noted_anchor(anchor))
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


def newest_anchor(json: JsonOption = False, counter: CounterOption = None) -> int:
    """Show the newest anchor and whether anything contradicts the journal."""
    view = with_client(counter, lambda client: client.anchor())
    if json:
        print_json(view)
    elif not view.key_id:
        tell(say("anchor_no_key"))
    else:
        heard = ", ".join(view.witnesses) or "-"
        tell(say("anchor_newest", anchor=view.newest or "-", at=view.made_at or "-", heard=heard))
    if not json and view.contradictions:
        tell(say("anchor_contradicted", days=", ".join(view.days)))
    return 1 if view.contradictions else 0


def accept(
    by: Annotated[list[str], typer.Option("--by", metavar="OPERATOR", help=help_of("reconcile.by"))],
    undo_open: Annotated[bool, typer.Option("--undo-open", help=help_of("journal.undo_open"))] = False,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Go on with a journal that a witness contradicts."""
    if len(by) != 2:
        raise WrongUse(say("wrong_operators"))
    operators = (by[0], by[1])
    view = with_client(counter, lambda client: client.accept_journal(operators, undo_open=undo_open))
    print_json(view) if json else tell(say("anchor_accepted", anchor=view.newest or "-"))


def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=help_of("journal.export_file"), show_default=False)
    ],
    password_file: PasswordFile = None,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Write the audit log and its anchors for others, and the program that verifies them beside it."""
    import datetime as dt
    from importlib.resources import files as resources

    from drivers.signers import SoftwareKeyStore
    from terminal.config import read_config
    from terminal.journal.export import export_audit

    files = read_config(find_counter(counter))
    if not files.journal_path.exists():
        raise CommandFailed(say("no_journal", path=str(files.journal_path)))
    store = SoftwareKeyStore(files.path(files.config.keys.audit_dir))
    signer = store.unlock(read_password(files, password_file)).signer
    program = (resources("yibao") / VERIFIER).read_bytes()
    beside = file.parent / VERIFIER
    if not beside.exists():
        with new_file(beside) as verifier:
            verifier.write(program)
    elif beside.read_bytes() != program:
        raise CommandFailed(say("other_verifier", path=str(beside)))
    with new_file(file) as target:
        now = dt.datetime.now(dt.UTC)
        done = export_audit(str(files.journal_path), target, files.terminal_name, signer, program, now)
    if json:
        print_json({"file": str(file), "verifier": str(beside), "exported": done})
        return
    tell(say("journal_exported", path=str(file), records=str(done.records), anchors=str(done.anchors)))
    command = ["python3", "-I", str(beside), str(file), "--key-id", done.key_id]
    print(shlex.join(command), flush=True)


def backup(
    target: BackupFile,
    no_key: NoKey = False,
    password_file: PasswordFile = None,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> int:
    """Copy the journal while it is in use, and check the copy."""
    import os

    from terminal.config import read_config
    from terminal.journal.backup import back_up
    from terminal.journal.records import JournalFailed

    files = read_config(find_counter(counter))
    if not files.journal_path.exists():
        raise CommandFailed(say("no_journal", path=str(files.journal_path)))
    vault = None if no_key else _vault(files, password_file)
    os.umask(0o077)
    try:
        report = back_up(str(files.journal_path), str(target), vault)
    except FileExistsError:
        raise CommandFailed(say("backup_exists", path=str(target))) from None
    except JournalFailed as failed:
        raise CommandFailed(say("backup_failed", path=str(target), reason=failed.reason)) from failed
    if json:
        print_json({"ok": report.ok, "path": str(target), "report": report})
        return 0 if report.ok else 1
    for finding in report.findings:
        print(f"{finding.code}: {finding.where}: {finding.text}")
    if not report.ok:
        tell(say("backup_bad", path=str(target), count=str(len(report.findings))))
        return 1
    tell(
        say(
            "backup_made", path=str(target), settlements=str(report.settlements), attempts=str(report.attempts),
            records=str(report.audit_records), head=f"{report.audit_records}:{report.head}",
        )
    )  # fmt: skip
    return 0


def expire(json: JsonOption = False, counter: CounterOption = None) -> None:
    """Delete what is past its term; the running service does it, and does it by itself once a day."""
    report = with_client(counter, lambda client: client.expire())
    if json:
        print_json(report)
        return
    for day in report.deleted:
        tell(say(f"expired_{day.purpose}", day=day.day, count=str(day.settlements)))
    for held in report.held:
        tell(say(f"held_{held.purpose}", day=held.day, sales=", ".join(held.settlements)))
    if not report.deleted and not report.held:
        tell(say("expired_nothing"))
    if not report.purged:
        tell(say("expired_later"))


def _vault(files: "CounterFiles", password_file: Path | None) -> "Vault":
    import secrets

    from drivers.signers import SoftwareKeyStore
    from terminal.journal.vault import Vault

    keys = SoftwareKeyStore(files.path(files.config.keys.dir)).unlock(read_password(files, password_file))
    return Vault(keys.field_key, secrets.token_bytes)
