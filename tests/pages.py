"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_BUILT = DOCS / "_build"
PAGES = sorted(
    page
    for where, pattern in ((ROOT, "*.md"), (DOCS, "**/*.md"), (ROOT / "sample", "*.md"))
    for page in where.glob(pattern)
    if not page.is_relative_to(_BUILT)
)
NOTEBOOKS = sorted((DOCS / "learn").glob("*.ipynb"))
SHELL = ("bash", "console")
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`(pneumoscope [^`]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, whether the tests ``run`` it, and its ``text``."""

    language: str
    run: bool
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order. ```` ```bash run ```` marks one that is run."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(m[1], m[2].strip() == "run", m[3]) for m in found]


def commands(page: Path) -> list[list[str]]:
    """The arguments of every whole `pneumoscope ...` command in the shell blocks of a page."""
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
        lines = [line[1:] for c in cells for line in c["source"] if line.startswith("!")]
    else:
        shell = "\n".join(b.text for b in blocks(page) if b.language in SHELL)
        lines = shell.replace("\\\n", " ").splitlines()
    words = [_words(line) for line in lines]
    return [w[1:] for w in words if w and w[0] == "pneumoscope"]


def mentions(page: Path) -> list[list[str]]:
    """The arguments of `pneumoscope ...` in the running text, perhaps without what they need."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = [_words(" ".join(m[1].split())) for m in _INLINE.finditer(text)]
    return [words[1:] for words in found if words[1][0] not in "." and words[1] != "COMMAND"]


def _words(line: str) -> list[str]:
    """A line of the shell as words, up to a pipe, a redirection, an alternative or a `&`."""
    words = []
    for word in shlex.split(line, comments=True):
        if word in ("|", ">", "||", "&&", "&"):
            break
        words.append(word)
    return words
