"""The commands `serve` and `token add|list|remove`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rpcsight.cli.calling import pip_line
from rpcsight.cli.options import Quiet, SettingsFile, WorkspaceFile
from rpcsight.cli.output import printable, say
from rpcsight.errors import UsageError

__all__ = ["serve", "token"]

token = typer.Typer(
    name="token", help="Tokens of clients of `rpcsight serve`: add, list, remove.", no_args_is_help=True
)

TokenPath = Annotated[
    Path,
    typer.Option("--token-file", metavar="FILE", help="The file that keeps the tokens, hashed.", show_default=False),
]


def serve(
    workspace: WorkspaceFile,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port; 0 for a free one.")] = 8135,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Ask for tokens (rpcsight token add).", show_default=False),
    ] = None,
    trust_header: Annotated[
        str | None,
        typer.Option(
            "--trust-header", metavar="NAME", help="A reverse proxy says in it who it is.", show_default=False
        ),
    ] = None,
    trust_from: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-from", metavar="ADDRESS", help="The proxy's address. [default: loopback]", show_default=False
        ),
    ] = None,
    trust_scope: Annotated[
        str, typer.Option("--trust-scope", help="What those whom it names may do: read, triage or admin.")
    ] = "triage",
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="A name that browsers use for this server, beside its address.", show_default=False
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate (PEM).", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key (PEM).", show_default=False)
    ] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy speaks TLS: cookies travel over that alone.")
    ] = False,
    root_path: Annotated[
        str,
        typer.Option(
            "--root-path", metavar="PATH", help="A proxy shows it below this path, as /rpcsight.", show_default=False
        ),
    ] = "",
    settings: SettingsFile = None,
    log: Annotated[bool, typer.Option("--log", help="Tell each request on standard error.")] = False,
    quiet: Quiet = False,
) -> None:
    """Show a workspace in the browser, and serve it as JSON under /api/v1; hunts and learning go on meanwhile.

    \b
    rpcsight serve -w corp.rpcsight                                   on this machine: http://127.0.0.1:8135/
    rpcsight token add anna --scope triage --token-file tokens.json
    rpcsight serve -w corp.rpcsight --host 10.0.0.5 --token-file tokens.json --tls-cert c.pem --tls-key k.pem

    Docs: docs/serve.md.
    """
    try:
        from rpcsight.web import app, server
        from rpcsight.web.desk import Desk
        from rpcsight.web.options import LOOPBACK, WebSettings
    except ModuleNotFoundError as cause:
        raise UsageError("serve", f"{cause.name} is not installed", pip_line("web")) from cause
    from rpcsight.settings import load

    asked = WebSettings(
        host=host.strip("[]"),
        port=port,
        token_file=token_file,
        trust_header=trust_header,
        trust_from=tuple(trust_from or LOOPBACK),
        trust_scope=trust_scope,
        names=tuple(name or ()),
        certificate=tls_cert,
        key=tls_key,
        is_secure=behind_tls or tls_cert is not None,
        root_path=root_path.rstrip("/"),
    ).checked()
    desk = Desk(workspace, load(settings))
    with desk.reading():  # what can't be read is told at once
        pass
    taken = server.listening(asked)
    if not quiet:
        sys.stderr.write(printable(f"{server.address(asked, taken)} shows {workspace}; Ctrl-C ends it") + "\n")
        sys.stderr.flush()
    server.run(app.make(desk, asked), asked, taken, is_loud=log)


@token.command()
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Whose it is: stands in the audit log.", show_default=False)
    ],
    token_file: TokenPath,
    scope: Annotated[str, typer.Option("--scope", help="read; triage: and close; admin: and allow.")] = "read",
    days: Annotated[int, typer.Option("--days", help="How long it holds.", min=1, max=3660)] = 90,
) -> None:
    """Add a token, and print it: this once.

    \b
    rpcsight token add anna --scope triage --token-file tokens.json
    """
    from rpcsight.web.tokens import TokenFile

    say(TokenFile(token_file).add(name, scope, days) + "\n")


@token.command("list")
def list_(token_file: TokenPath) -> None:
    """List the tokens: name, scope, last day."""
    from rpcsight.web.tokens import TokenFile

    rows = ((each.name, each.scope, each.expires or "never") for each in TokenFile(token_file).all())
    say("".join("\t".join(map(printable, row)) + "\n" for row in rows))


@token.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is.", show_default=False)], token_file: TokenPath
) -> None:
    """Remove a token: a running server refuses it from now on."""
    from rpcsight.web.tokens import TokenFile

    TokenFile(token_file).remove(name)
