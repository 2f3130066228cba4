"""``pneumoscope serve``."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE
from pneumoscope.errors import UsageError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SHORTEST = 16  # letters of a token


@click.command("serve")
@options.bundle
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--token-file",
    type=FILE,
    help="Answer only to who sends one of these tokens (one a line, at least 16 letters) as "
    "'Authorization: Bearer TOKEN'.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A host name that requests may carry besides localhost, such as the proxy's; may be "
    "given often. Only asked where --host is a loopback address, or where it is given.",
)
@click.option(
    "--keep", type=FILE, metavar="DIR", help="Keep every film and reading in this folder."
)
@click.option(
    "--keep-minutes",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="A reading and its film are forgotten after so long.",
)
@click.option(
    "--max-film-mb",
    default=64,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Megabytes (of 2^20 bytes) that one film may have.",
)
@click.option(
    "--upload-seconds",
    default=120.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="A request whose films take longer to arrive is ended.",
)
@options.operating_point
@options.prevalence
@options.threads
@options.quiet
def command(
    bundle: Path | None,
    host: str,
    port: int,
    token_file: Path | None,
    hosts: tuple[str, ...],
    keep: Path | None,
    keep_minutes: float,
    max_film_mb: int,
    upload_seconds: float,
    operating_point: str,
    prevalence: float | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Read films that come from a browser or a program: a page, and REST under /v1.

    Films and readings are in memory only and are forgotten after an hour; nothing is written to a
    disk unless --keep asks for it. The log on standard error has no address, name or identifier.
    Needs pneumoscope[serve]. Ends with exit code 0 on Ctrl-C and SIGTERM, after the requests in
    work have been answered.

    \b
    pneumoscope serve                       then open http://127.0.0.1:8000/
    curl -F files=@film.dcm http://127.0.0.1:8000/v1/readings
    pneumoscope serve --host 0.0.0.0 --token-file tokens.txt
    """
    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.reader import Reader
    from pneumoscope.serve.app import create_app
    from pneumoscope.serve.gate import Access
    from pneumoscope.serve.limits import MB, Limits
    from pneumoscope.serve.listener import bind, run
    from pneumoscope.serve.service import Service

    tokens = () if token_file is None else _read_tokens(token_file)
    local = host in ("localhost", "127.0.0.1", "::1")
    asked = frozenset(name.lower() for name in hosts) | _LOOPBACK
    access = Access(tokens=tokens, hosts=asked if local or hosts else None)
    if keep is not None:
        _begin(keep)
    limits = Limits(
        film_bytes=max_film_mb * MB,
        upload_seconds=upload_seconds,
        keep_seconds=60 * keep_minutes,
    )
    reader = Reader(
        load_bundle(bundle),
        operating_point=operating_point,
        prevalence=prevalence,
        threads=threads,
    )
    with bind(host, port) as listening:
        service = Service(
            reader,
            operating_point=operating_point,
            prevalence=prevalence,
            limits=limits,
            threads=threads,
            keep=keep,
        )
        if not quiet:
            logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
        if not local and not tokens:
            click.echo("Whoever reaches this address may send films: see --token-file.", err=True)
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listening.getsockname()[1]}/"
        click.echo(f"Serving at {address} until Ctrl-C. Not a medical device.", err=True)
        try:
            run(create_app(service, access=access), listening)
        finally:
            service.close()


def _read_tokens(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"The token file {path} cannot be read: {why}.") from error
    tokens = tuple(text for line in lines if (text := line.strip()))
    if not tokens or min(map(len, tokens)) < _SHORTEST:
        raise UsageError(f"{path} must hold tokens of at least {_SHORTEST} letters, one a line.")
    return tokens


def _begin(keep: Path) -> None:
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{keep} is no folder to keep films in: {error.strerror}.") from error
