"""Code blocks of a page, done in their order as a reader does them.

A block with `title="path"` is written to that file, or put at its end with `append`. Of a `console`
block the lines after `$ ` are typed into one shell, and what it then prints must hold the lines
shown, where `…` stands for anything; a block marked `fails` holds a command that fails.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_END = "--- end of block"


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: its language, what stands behind that, and the code."""

    language: str
    notes: str
    code: str

    @property
    def title(self) -> str | None:
        """The file that it is."""
        found = _TITLE.search(self.notes)
        return found.group(1) if found else None


def blocks_of(page: Path) -> list[Block]:
    """All code blocks of a page."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(one.group(1), one.group(2) or "", one.group(3)) for one in found]


class Reader:
    """Somebody who does what a page says, in one folder and one shell."""

    def __init__(self, folder: Path, variables: Mapping[str, str], *, port: int) -> None:
        self._port = port
        self._here = folder
        self._shell = subprocess.Popen(
            ["/bin/bash", "-m"],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def do(self, block: Block) -> None:
        """Write the file, or type the commands and compare what is printed."""
        if block.language == "console":
            self._type(block)
        elif block.title:
            path = self._here / block.title
            known = path.read_text(encoding="utf-8") if "append" in block.notes else ""
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(known + block.code, encoding="utf-8")

    def leave(self) -> None:
        """Close the shell, and end what still runs in it."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write("kill $(jobs -p) 2>/dev/null; wait\n")
        self._shell.stdin.close()
        self._shell.stdout.close()
        self._shell.wait(timeout=60)

    def _type(self, block: Block) -> None:
        failed = False
        for command, expected in _commands(block.code):
            printed, code = self._answer(command.replace(":8000", f":{self._port}"))
            failed |= code != 0
            assert code == 0 or "fails" in block.notes, f"{command}\n{printed}"
            for line in expected:
                wanted = ".*".join(re.escape(part) for part in line.split("…"))
                assert re.search(wanted, printed, re.DOTALL), f"{command}\n{line}\n---\n{printed}"
        assert failed == ("fails" in block.notes), block.code

    def _answer(self, command: str) -> tuple[str, int]:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\n_code=$?; echo; echo '{_END}' $_code \"$PWD\"\n")
        self._shell.stdin.flush()
        printed = []
        for line in self._shell.stdout:
            if line.startswith(_END):
                code, _, here = line.removeprefix(_END).strip().partition(" ")
                self._here = Path(here)
                return "".join(printed), int(code)
            printed.append(line)
        raise AssertionError(f"the shell ended: {''.join(printed)}")


def _commands(code: str) -> Iterator[tuple[str, list[str]]]:
    """Each command with the lines that are shown below it."""
    command: list[str] = []
    shown: list[str] = []
    for line in code.splitlines():
        if line.startswith("$ "):
            if command:
                yield "\n".join(command), shown
            command, shown = [line[2:]], []
        elif command[-1].endswith("\\") and not shown:
            command.append(line)
        elif line.strip():
            shown.append(line)
    if command:
        yield "\n".join(command), shown
