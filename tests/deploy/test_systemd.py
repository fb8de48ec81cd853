import re
import shutil
import subprocess

import pytest

from tests.deploy.reading import DEPLOY, parse
from tests.programs import required

UNITS = sorted((DEPLOY / "systemd").iterdir())


def test_there_is_a_unit_for_each_process():
    verbs = []
    for unit in UNITS:
        (started,) = re.findall("^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
        program, *arguments = started.split()
        assert program == "/opt/courselens/bin/courselens"
        verbs.append(parse(arguments))
        assert unit.name == f"courselens-{verbs[-1]}.service"
    assert verbs == ["scheduler", "serve", "worker"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit(unit, tmp_path):
    program = required(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    here = tmp_path / unit.name
    text = unit.read_text(encoding="utf-8")
    here.write_text(text.replace("/opt/courselens/bin/courselens", shutil.which("true")))
    done = subprocess.run([program, "verify", "--man=no", here], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
