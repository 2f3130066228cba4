"""The command line: thin verbs, each imported only when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys

import click

from pneumoscope.errors import MissingExtra, PneumoscopeError

COMMANDS = {
    "data": "Check, show and fetch folders of films.",
    "train": "Train a recipe on a folder of films.",
    "export": "Turn a run into a bundle that reads films.",
    "bundle": "Show what a bundle holds.",
    "evaluate": "Prove a bundle on films whose truth is known.",
    "audit": "Ask whether a bundle looks at lungs, and for whom it fails.",
    "report": "Turn an evaluation into a page and a model card.",
    "fuse": "Take clinical fields beside the film, and say what they add.",
    "predict": "Read films.",
    "serve": "Answer to films over HTTP, with a page.",
    "explain": "Show where in a film its score comes from.",
    "crossval": "Score every film by networks that have not seen its patient.",
    "study": "Train a grid over a recipe and say what came of it.",
    "suggest": "Say which films to label next, and which labels to check.",
}

# Packages of the optional extras, by the name they are imported under.
EXTRAS = {
    "torch": "train",
    "captum": "train",
    "lightning_fabric": "train",
    "onnx": "train",
    "onnxscript": "train",
    "kagglehub": "kaggle",
    "fastapi": "serve",
    "prometheus_client": "serve",
    "pydantic": "serve",
    "python_multipart": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
}


class LazyGroup(click.Group):
    """A group that imports ``pneumoscope.cli.<command>`` when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of a film's way through the house."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pneumoscope.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pneumoscope")
def cli() -> None:
    """Learn to tell pneumonia from normal lungs on chest X-rays, prove it, and read new films.

    \b
    pneumoscope data check chest_xray       look at the films first
    pneumoscope train chest_xray --out run  train the notebook's recipe
    pneumoscope export run                  make run/bundle.pneumo
    pneumoscope evaluate chest_xray --bundle run/bundle.pneumo --split test
    pneumoscope predict FILMS               with the bundle that ships
    pneumoscope predict FILMS --bundle run/bundle.pneumo

    Exit codes: 0 done; 1 finished, with refused films, --strict findings or failed probes;
    2 wrong usage; 3 unusable input or bundle.

    Not a medical device.
    """


def main() -> None:
    """Run the command line and leave with the exit code that it documents."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be valid text
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except PneumoscopeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read our output has left, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        click.echo(f"Error: {error.filename or 'A file'}: {error.strerror}.", err=True)
        sys.exit(PneumoscopeError.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        missing = MissingExtra(package, EXTRAS[package])
        click.echo(f"Error: {missing}", err=True)
        sys.exit(missing.exit_code)
    sys.exit(code or 0)
