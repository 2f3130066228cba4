"""The documentation: its commands exist, those marked ``run`` run, both languages say the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pages import DOCS, NOTEBOOKS, PAGES, ROOT, SHELL, blocks, commands, mentions
from pneumoscope.cli import cli

RUN = [page for page in PAGES if any(block.run for block in blocks(page))]
TWINS = [page for page in PAGES if page.name.endswith(".ko.md")]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def parse(arguments: list[str]) -> None:
    """Find the command and read its options as the command line would, and run nothing."""
    command: click.Command = cli
    context = click.Context(cli, info_name="pneumoscope")
    while isinstance(command, click.Group):
        found = command.get_command(context, arguments[0])
        assert found is not None, f"there is no command {arguments[0]}"
        command, arguments = found, arguments[1:]
        if not arguments and isinstance(command, click.Group):
            return  # a group is spoken of by its name
    command.make_context(command.name, list(arguments), parent=context)


@pytest.mark.parametrize("page", PAGES + NOTEBOOKS, ids=name)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    for arguments in commands(page):
        try:
            parse(arguments)
        except click.ClickException as error:
            pytest.fail(f"pneumoscope {' '.join(arguments)}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_spoken_of_exist_with_their_options(page: Path) -> None:
    for arguments in mentions(page):
        try:
            parse(arguments)
        except click.MissingParameter:
            pass  # running text need not name the films
        except click.ClickException as error:
            pytest.fail(f"pneumoscope {' '.join(arguments)}: {error.format_message()}")


@pytest.mark.parametrize(
    "wrong", [["predikt", "a.png"], ["predict", "--bundel", "b"], ["evaluate", "d", "--split", "x"]]
)
def test_a_wrong_command_is_noticed(wrong: list[str]) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parse(wrong)


def test_commands_are_found_in_the_pages() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 80
    assert len(RUN) >= 10


@pytest.mark.parametrize("page", [p for p in RUN if p not in TWINS], ids=name)
def test_marked_blocks_run(page: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "pneumoscope"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pneumoscope "$@"\n')
    shim.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    for shared in ("sample", "docs", "README.md"):
        (work / shared).symlink_to(ROOT / shared)
    path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PNEUMOSCOPE_CACHE": str(tmp_path / "cache")}
    for block in blocks(page):
        if not block.run:
            continue
        with_ = ["bash", "-ec"] if block.language in SHELL else [sys.executable, "-c"]
        done = subprocess.run(
            [*with_, block.text], cwd=work, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("korean", TWINS, ids=name)
def test_both_languages_give_the_same_commands_and_pictures(korean: Path) -> None:
    english = korean.with_name(korean.name.replace(".ko.md", ".md"))
    if english.parent in (ROOT, DOCS) and english.stem != "index":
        return  # older pages say the same at different length
    assert [_code(b.text) for b in blocks(korean)] == [_code(b.text) for b in blocks(english)]
    assert _pictures(korean) == _pictures(english)


def test_the_site_builds_without_a_warning_and_asks_for_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    pytest.importorskip("furo", reason="the extra docs is not installed")
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    built = tmp_path / "html"
    done = subprocess.run([*sphinx, str(DOCS), str(built)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for page in built.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|link)[^>]*(?:src|href)="(https?:[^"]*)', page.read_text()
        )
        assert loaded == [], page.name


def test_every_page_has_its_twin() -> None:
    apart = {"benchmarks.md", "cli.md", "api.md"}
    pages = [p for p in PAGES if p.is_relative_to(DOCS) and p not in TWINS and p.name not in apart]
    assert [p for p in pages if not p.with_name(f"{p.stem}.ko.md").is_file()] == []


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{name(page)} links to {target}"


def _code(text: str) -> list[str]:
    """Commands without comments, and Python without what it says; page names without language."""
    lines = [re.sub(r"\s*#.*", "", line).replace(".ko", "") for line in text.splitlines()]
    return [re.sub(r":caption: .*", "", line) for line in lines if line]


def _pictures(page: Path) -> list[str]:
    found = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    return [target.replace(".ko.", ".") for target in found]
