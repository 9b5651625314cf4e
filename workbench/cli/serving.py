"""The commands that serve a library to others: a server of its own, JupyterLab, and who may come in."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workbench.cli.app import JsonOption, LibraryOption, app
from workbench.cli.output import handled, print_json, print_table, say
from workbench.config import Settings, load_settings
from workbench.errors import InputError

if TYPE_CHECKING:
    import ssl

    from workbench.server.credentials import Credentials


#: How long a thread keeps Python's lock when others want it, seconds; usual is ten times as long.
_SWITCH_S = 0.0005


@app.command()
@handled
def serve(
    library: LibraryOption = None,
    address: Annotated[str, typer.Option("--address", help="Where to listen; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8765,
    root: Annotated[list[Path] | None, typer.Option(help="Folders below which files may be analyzed.")] = None,
    behind: Annotated[list[str] | None, typer.Option(help="Address of a proxy in front, whose word is taken.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Speak TLS with this certificate (PEM, with key).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the library over HTTP, below /api/v1, until SIGTERM."""
    from workbench.server.credentials import Credentials
    from workbench.server.logs import log_as_json

    # who looks something up waits for those who compute no longer than this, and then for the next of them
    sys.setswitchinterval(_SWITCH_S)
    settings = _settings(library, root)
    credentials = Credentials(settings.credentials)
    token = None if credentials.names() else credentials.add(_account())
    log_as_json()
    asyncio.run(_serve(settings, credentials, token, address, port, behind or [], _tls(certificate), as_json))


async def _serve(
    settings: Settings,
    credentials: Credentials,
    token: str | None,
    address: str,
    port: int,
    behind: list[str],
    certificate: ssl.SSLContext | None,
    as_json: bool,
) -> None:
    from workbench.server.service import Service
    from workbench.server.standalone import BASE, listen, make_app, run_until_stopped

    service = Service(settings)
    await service.call(lambda: service.library)  # a library that cannot be used is told at once
    try:
        server, port = listen(make_app(service, credentials), address, port, behind=behind, certificate=certificate)
    except OSError as error:
        service.close()
        raise InputError(
            f"Port {port} at {address} cannot be opened: {error.strerror}.", "Choose another with --port or --address."
        ) from error
    await service.call(lambda: service.jobs)  # what a server before this one has left in the queue goes on, unasked
    host = f"[{address}]" if ":" in address else address
    url = f"http{'s' if certificate else ''}://{host}:{port}{BASE}"
    if as_json:
        print_json({"url": url, "token": token})
    else:
        print(f"serving {settings.library} at {url}")
        if token:
            print(f"token, shown this once: {token}")
    sys.stdout.flush()
    await run_until_stopped(server, service)


@app.command()
@handled
def user(
    name: Annotated[str | None, typer.Argument(help="Who is to come in; left out, all are listed.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a password instead of making a token.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Let them in no more.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Let somebody use the server, or no more. Their token is shown once."""
    from workbench.server.credentials import Credentials

    credentials = Credentials(load_settings().credentials)
    if name is None:
        names = credentials.names()
        print_json(names) if as_json else print_table(["name"], [[one] for one in names])
    elif remove:
        credentials.remove(name)
        print_json({"name": name, "token": None}) if as_json else say(f"{name} is let in no more")
    else:
        secret = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
        token = credentials.add(name, secret)
        shown = None if password else token
        if as_json:
            print_json({"name": name, "token": shown})
        else:
            print(f"{name} may log in with {name}.PASSWORD" if password else f"token, shown this once: {token}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@handled
def lab(context: typer.Context, library: LibraryOption = None) -> None:
    """Start JupyterLab with the library and its API in one process; further options are JupyterLab's."""
    import importlib.util

    if importlib.util.find_spec("jupyterlab") is None:
        raise InputError("JupyterLab is not installed.", "Install it with: pip install 'audio-workbench[notebook]'.")
    environment = dict(os.environ)
    if library is not None:
        environment["WORKBENCH_LIBRARY"] = str(library.expanduser().absolute())
    extension = "--ServerApp.jpserver_extensions=workbench.server=True"
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "jupyterlab", extension, *context.args], environment)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@handled
def dashboards(
    context: typer.Context,
    library: LibraryOption = None,
    server: Annotated[
        str | None,
        typer.Option(help="Show the library of this server, https://…, with the token of WORKBENCH_TOKEN."),
    ] = None,
) -> None:
    """Serve the library as pages for the browser, and open the first; further options are Voila's."""
    import importlib.util

    if importlib.util.find_spec("voila") is None:
        raise InputError("Voila is not installed.", "Install it with: pip install 'audio-workbench[notebook]'.")
    from workbench.dashboards import make_template_known
    from workbench.dashboards.app import Dashboards

    if library is not None and server is not None:
        raise InputError("A folder and a server are named.", "Name one of them.")
    if library is not None:
        os.environ["WORKBENCH_LIBRARY"] = str(library.expanduser().absolute())
        os.environ["WORKBENCH_SERVER"] = ""  # whatever the settings say
    if server is not None:
        os.environ["WORKBENCH_SERVER"] = server
    make_template_known()
    Dashboards.launch_instance(argv=context.args)


@app.command()
@handled
def catalog(
    library: LibraryOption = None,
    to: Annotated[
        Literal["postgresql", "sqlite"] | None,
        typer.Option(help="Move it: into the database of WORKBENCH_CATALOG, or back into the library's folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where the library's catalog is, or move it; all is compared before it is used, and the old one is kept."""
    from workbench.library import Library

    if to is not None:
        moved = Library.move_catalog(library, to=to)
    with Library.open(library, create=False) as opened:
        name = opened.catalog.name
    if as_json:
        print_json({"catalog": name} | (asdict(moved) if to else {}))
    elif to:
        print(f"the catalog is at {name} now: {sum(moved.rows.values())} rows, compared one by one")
    else:
        print(name)


def _settings(library: Path | None, roots: list[Path] | None) -> Settings:
    settings = load_settings()
    given = {"library": library and library.expanduser().absolute(), "roots": tuple(roots or ())}
    return settings.model_copy(update={name: value for name, value in given.items() if value})


def _account() -> str:
    """Name the account, with what a user's name may not hold taken out."""
    return "".join(c for c in getpass.getuser() if c.isascii() and (c.isalnum() or c in "-_"))[:60] or "owner"


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    import ssl

    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"The certificate {str(certificate)!r} cannot be used: {error}.", "Give a PEM file with both "
                         "the certificate and its key.") from error  # fmt: skip
    return context
