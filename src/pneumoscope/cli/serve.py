"""``pneumoscope serve``."""

from __future__ import annotations

from pathlib import Path

import click

from pneumoscope.cli import options


@click.command("serve")
@options.bundle
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port."
)
@options.operating_point
@options.prevalence
@options.threads
def command(
    bundle: Path | None,
    host: str,
    port: int,
    operating_point: str,
    prevalence: float | None,
    threads: int | None,
) -> None:
    """Read films that come from a browser or a program.

    \b
    pneumoscope serve
    """
    import uvicorn

    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.reader import Reader
    from pneumoscope.serve.app import create_app
    from pneumoscope.serve.service import Service

    reader = Reader(load_bundle(bundle), operating_point=operating_point, prevalence=prevalence)
    service = Service(
        reader, operating_point=operating_point, prevalence=prevalence, threads=threads
    )
    uvicorn.run(create_app(service), host=host, port=port)
