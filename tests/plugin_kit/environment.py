"""A fresh environment into which wheels are installed, without a package index.

Third parties' packages come from the environment of the tests; courselens itself is installed from
its own wheel, so that what the wheel lacks is missing here too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SECONDS = 300
_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}  # fmt: skip


class Environment:
    """A virtual environment with pip, and courselens from its wheel.

    Args:
        folder: where it is made.
        scratch: for what its programs leave; with a short path, for the sake of sockets. Each run
            of pytest closes its folder to other users, and so must not share that of this one.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.scratch = scratch
        self.bin = folder / "bin"
        venv.create(folder, with_pip=True, symlinks=True)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        ours = sysconfig.get_path("purelib")
        # Not as a bare path: what `.pth` files of the other environment say must hold as well.
        (packages / "others.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        pytest = self.bin / "pytest"
        pytest.write_text(f'#!/bin/sh\nexec "{self.bin}/python" -m pytest "$@"\n')
        pytest.chmod(0o755)

    def run(
        self, *command: object, cwd: Path | None = None, fails: bool = False, **settings: object
    ) -> str:
        """What a program of the environment prints; what it said is told if it fails."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.folder,
            env=self.variables(**settings),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        assert (done.returncode != 0) == fails, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout if not fails else done.stdout + done.stderr

    def variables(self, **settings: object) -> dict[str, str]:
        """Environment variables for programs: nothing of the tests' own settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COURSELENS_", "PYTEST_", "PYTHON"))
        }
        named = {f"COURSELENS_{name.upper()}": str(value) for name, value in settings.items()}
        path = f"{self.bin}{os.pathsep}{kept.get('PATH', '')}"
        ours = {"VIRTUAL_ENV": str(self.folder), "PYTEST_DEBUG_TEMPROOT": str(self.scratch)}
        return {**kept, **_OFFLINE, **named, **ours, "PATH": path}

    def pip(self, *arguments: object, cwd: Path | None = None) -> str:
        """Run pip, without an index."""
        return self.run(self.bin / "python", "-m", "pip", "--quiet", *arguments, cwd=cwd)

    def courselens(self, *arguments: object, **settings: object) -> str:
        """What the command prints."""
        return self.run(self.bin / "courselens", *arguments, **settings)


def build_wheel(source: Path, into: Path) -> Path:
    """Build a package's wheel; nothing is written beside its sources."""
    made = into / f"{source.name}-wheel"
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", made],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = made.glob("*.whl")
    return wheel
