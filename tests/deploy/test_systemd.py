import re
import shutil
import subprocess

import pytest

from tests.deploy.reading import DEPLOY, parse
from tests.programs import required

UNITS = sorted((DEPLOY / "systemd").iterdir())


def test_there_is_a_unit_for_each_process():
    verbs = []
    for unit in [unit for unit in UNITS if unit.suffix == ".service"]:
        (started,) = re.findall("^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
        program, *arguments = started.split()
        assert program == "/opt/courselens/bin/courselens"
        verbs.append(parse(arguments))
        assert unit.name == f"courselens-{verbs[-1]}.service"
    assert verbs == ["retire", "scheduler", "serve", "worker"]


def test_what_ends_is_started_by_a_timer_and_the_rest_at_boot():
    wanted = {
        unit.name: re.findall("^WantedBy=(.+)$", unit.read_text(), re.MULTILINE) for unit in UNITS
    }
    once = [unit.stem for unit in UNITS if "Type=oneshot" in unit.read_text()]
    assert once == ["courselens-retire"]
    assert wanted.pop("courselens-retire.service") == []
    assert wanted.pop("courselens-retire.timer") == ["timers.target"]
    assert len(wanted) == 3
    assert all(target == ["multi-user.target"] for target in wanted.values())


def test_every_service_is_confined_alike():
    confined = [
        set(re.findall("^(?:Capability|No|Private|Protect|Restrict|UMask).*$", text, re.MULTILINE))
        for text in (unit.read_text() for unit in UNITS if unit.suffix == ".service")
    ]
    assert len(confined[0]) == 12
    assert all(settings == confined[0] for settings in confined)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit(unit, tmp_path):
    program = required(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    here = tmp_path / unit.name
    for each in UNITS:  # a timer's service lies beside it
        text = each.read_text(encoding="utf-8")
        program_there = text.replace("/opt/courselens/bin/courselens", shutil.which("true"))
        (tmp_path / each.name).write_text(program_there)
    done = subprocess.run([program, "verify", "--man=no", here], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
