"""`yibao evidence`: what was signed and answered for one sale, in one file that OpenSSL verifies."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yibao.cli.common import CounterOption, JsonOption, SaleArgument, with_sale
from yibao.cli.help import help_of
from yibao.cli.output import new_file, print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    from yibao.client import CounterClient


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=help_of("evidence"), short_help=help_of("evidence"), no_args_is_help=True, rich_markup_mode=None
    )
    group.command("export", help=help_of("evidence.export"), short_help=help_of("evidence.export"))(export)
    app.add_typer(group, name="evidence")


def export(
    sale: SaleArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=help_of("evidence.out"), show_default=False)
    ] = None,
    json: JsonOption = False,
    counter: CounterOption = None,
) -> None:
    """Write the evidence capsule of a sale and print how it is verified."""

    async def take(client: "CounterClient", settlement_id: str) -> tuple[str, bytes]:
        return settlement_id, await client.evidence(settlement_id)

    settlement_id, capsule = with_sale(counter, sale, take)
    path = out or Path(f"evidence-{settlement_id}.zip")
    with new_file(path) as file:
        file.write(capsule)
    manifest, commands = _look_inside(path)
    lines = [*_unpacking(path), *commands]
    unproved = [
        (str(message["msgid"]), part)
        for message in manifest["messages"]
        for part, verified in message["verified"].items()
        if not verified
    ]
    if json:
        print_json(
            {"path": str(path), "settlement_id": settlement_id, "commands": lines, "unproved": unproved}
        )
        return
    for msgid, part in unproved:
        tell(say("evidence_unproved", msgid=msgid, what=part))
    counts = {"messages": str(len(manifest["messages"])), "records": str(len(manifest["chain"]))}
    tell(say("evidence_written", path=str(path), **counts))
    print("\n".join(lines), flush=True)


def _look_inside(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Contents and commands as they stand in the file, so that what is printed is what was written."""
    import json
    import zipfile

    with zipfile.ZipFile(path) as capsule:
        manifest: dict[str, Any] = json.loads(capsule.read("manifest.json"))
        return manifest, capsule.read("verify.sh").decode().splitlines()


def _unpacking(path: Path) -> list[str]:
    """How the file is taken apart with what every machine with Python has."""
    folder = path.with_suffix("") if path.suffix else path.with_name(f"{path.name}.d")
    return [
        "umask 077",
        f"python3 -m zipfile -e {shlex.quote(str(path))} {shlex.quote(str(folder))}",
        f"cd {shlex.quote(str(folder))}",
    ]
