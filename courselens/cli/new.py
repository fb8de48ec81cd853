"""The verb `indicators new`: a plugin package that works, to begin from."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from courselens.cli.console import out

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME = 30
"""Keys begin with the name, and have 51 characters at most."""
_DISTRIBUTION, _PACKAGE = "my-indicators", "my_indicators"
"""What the template is called."""
_CACHES = shutil.ignore_patterns("__pycache__", "*.egg-info", ".pytest_cache", ".venv", "dist")


def new(
    name: Annotated[
        str, typer.Argument(help="Name of the package, such as acme-forum; its keys begin with it.")
    ],
    into: Annotated[Path, typer.Option(help="Folder in which the package's own is made.")] = Path(),
) -> None:
    """Write a plugin package with two working indicators and their tests."""
    folder = write_package(name, into)
    out.print(f"wrote {folder}; go on with\n", highlight=False)
    out.print(f"  cd {folder}", highlight=False, soft_wrap=True)
    out.print('  pip install -e ".[test]"', highlight=False, markup=False)
    out.print("  pytest", highlight=False)
    out.print("  courselens indicators list", highlight=False)


def write_package(name: str, into: Path) -> Path:
    """Write the package into a folder of its name; the folder is there whole, or not at all.

    Raises:
        typer.BadParameter: the name is not usable, or the folder is there already.
    """
    package = _package_of(name)
    folder = into / name
    if folder.exists():
        raise typer.BadParameter(f"{folder} exists already; choose another name or folder")
    if not into.is_dir():
        raise typer.BadParameter(f"{into} is no folder; make it first, or choose another --into")
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}-") as work:
        made = Path(work) / name
        shutil.copytree(template_folder(), made, ignore=_CACHES)
        for path in sorted(made.rglob("*"), reverse=True):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                path.write_text(
                    text.replace(_DISTRIBUTION, name).replace(_PACKAGE, package), encoding="utf-8"
                )
            if _PACKAGE in path.name:
                path.rename(path.with_name(path.name.replace(_PACKAGE, package)))
        made.rename(folder)
    return folder


def template_folder() -> Path:
    """The template: inside the wheel, or at the top of a checkout."""
    packaged = Path(__file__).parents[1] / "plugin-template"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "plugin-template"


def _package_of(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        near = "-".join(re.findall(r"[a-z0-9]+", name.lower())).lstrip("0123456789-")[:_MAX_NAME]
        raise typer.BadParameter(
            f"{name!r} is no usable name: lower-case letters, digits and single hyphens, a letter "
            f"first, {_MAX_NAME} at most" + (f"; such as {near}" if _NAME.fullmatch(near) else "")
        )
    package = name.replace("-", "_")
    if importlib.util.find_spec(package) is not None:
        raise typer.BadParameter(
            f"there is a module {package} here already; put your organisation's name first, such "
            f"as acme-{name}"
        )
    return package
