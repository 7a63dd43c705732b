"""`yibao keys`: the software key of this counter. The password comes from a file or a systemd credential only."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yibao.cli.common import CounterOption, JsonOption, find_counter
from yibao.cli.errors import CommandFailed
from yibao.cli.help import help_of
from yibao.cli.output import print_json, tell
from yibao.words import say

if TYPE_CHECKING:
    from terminal.config import CounterFiles

PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help=help_of("keys.password_file"), show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help=help_of("keys"), short_help=help_of("keys"), no_args_is_help=True, rich_markup_mode=None
    )
    group.command("create", help=help_of("keys.create"), short_help=help_of("keys.create"))(create)
    group.command("audit", help=help_of("keys.audit"), short_help=help_of("keys.audit"))(audit)
    group.command("rotate", help=help_of("keys.rotate"), short_help=help_of("keys.rotate"))(rotate)
    group.command("show", help=help_of("keys.show"), short_help=help_of("keys.show"))(show)
    app.add_typer(group, name="keys")


def read_password(files: "CounterFiles", given: Path | None = None) -> bytes:
    """The key password from the file given, the configured one, or the configured systemd credential."""
    from drivers.signers import read_password_file

    keys = files.config.keys
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credentials = Path(folder) if folder else None
    path = given or (files.path(keys.password_file) if keys.password_file else None)
    if path is None:
        if credentials is None:
            raise CommandFailed(say("no_password_configured"))
        path = credentials / keys.credential
    return read_password_file(path, credentials)


def create(
    password_file: PasswordFile = None, json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Make the counter's keys."""
    from drivers.signers import SoftwareKeyStore
    from terminal.config import read_config

    files = read_config(find_counter(counter))
    store = SoftwareKeyStore(files.path(files.config.keys.dir))
    password = read_password(files, password_file)
    described = store.create(password)
    audit_store = SoftwareKeyStore(files.path(files.config.keys.audit_dir))
    if not audit_store.exists():
        audit_store.create(password)
    public = store.folder / "public-key.pem"
    if json:
        print_json(
            {
                "key_id": described.key_id,
                "public_point": described.public_point.hex(),
                "public_key": str(public),
            }
        )
    else:
        tell(say("keys_created", key=described.key_id, folder=str(store.folder), public=str(public)))


def audit(
    password_file: PasswordFile = None, json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Make the audit key of a counter that has none yet."""
    from drivers.signers import SoftwareKeyStore
    from terminal.config import read_config

    files = read_config(find_counter(counter))
    store = SoftwareKeyStore(files.path(files.config.keys.audit_dir))
    described = store.create(read_password(files, password_file))
    if json:
        print_json({"key_id": described.key_id, "public_point": described.public_point.hex()})
    else:
        tell(say("audit_key_created", key=described.key_id, folder=str(store.folder)))


def rotate(
    password_file: PasswordFile = None, json: JsonOption = False, counter: CounterOption = None
) -> None:
    """Put a new signing key in the place of the present one."""
    from drivers.clock import SystemClock
    from drivers.signers import SoftwareKeyStore
    from terminal.config import read_config

    files = read_config(find_counter(counter))
    store = SoftwareKeyStore(files.path(files.config.keys.dir))
    described = store.rotate(read_password(files, password_file), SystemClock().now())
    public = store.public_key_file
    if json:
        print_json(
            {
                "key_id": described.key_id,
                "public_point": described.public_point.hex(),
                "public_key": str(public),
                "former": [one for one in store.public_points() if one != described.key_id],
            }
        )
    else:
        tell(say("keys_rotated", key=described.key_id, public=str(public)))


def show(json: JsonOption = False, counter: CounterOption = None) -> None:
    """Show the public half."""
    from drivers.signers import SoftwareKeyStore, describe
    from terminal.config import read_config

    files = read_config(find_counter(counter))
    store = SoftwareKeyStore(files.path(files.config.keys.dir))
    key = store.public_key()
    described = describe(key)
    former = [one for one in store.public_points() if one != described.key_id]
    audit_store = SoftwareKeyStore(files.path(files.config.keys.audit_dir))
    audit_id = describe(audit_store.public_key()).key_id if audit_store.exists() else ""
    if json:
        print_json(
            {
                "key_id": described.key_id,
                "public_point": described.public_point.hex(),
                "audit_key_id": audit_id,
                "former": former,
            }
        )
        return
    print(f"{described.key_id}\n{described.public_point.hex()}\n{key.to_pem().decode()}", end="", flush=True)
    if former:
        tell(say("keys_former", keys=", ".join(former)))
    if audit_id:
        tell(say("audit_key_is", key=audit_id))
