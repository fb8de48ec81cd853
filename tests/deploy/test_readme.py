"""The README's section for operators says nothing that the program does not take."""

import re

import pytest

from courselens.settings import Settings
from loaders.mysql.connection import MySQL
from tests.deploy.reading import DEPLOY, ROOT, commands_of, interpolate, parse, read_env

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Beside your Open edX\n")[2].partition("\n## ")[0]
OPERATORS = {"deploy/.env", "deploy/plugins.env"}
"""Files that an operator writes."""
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def blocks(text: str) -> str:
    return "".join(re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL))


def written_settings() -> dict[str, str]:
    """The settings file that the section has operators write."""
    (document,) = re.findall(r"<<END\n(.*?)END\n", SECTION, flags=re.DOTALL)
    filled = re.sub(r"\$(\w+)", r"${\1}", document)
    secrets = {"STORE_PASSWORD": "s1", "READER_PASSWORD": "r1"}
    return read_env(interpolate(filled, secrets), {})


def test_every_command_is_one():
    verbs = [parse(arguments) for arguments in commands_of(blocks(SECTION))]
    assert sorted(set(verbs)) == ["check", "status", "token"]
    assert len(verbs) == 5


def test_every_verb_in_running_text_exists():
    named = re.findall(r"`courselens ([a-z]+(?: [a-z]+)?)", OPERATING)
    assert {parse(name.split() + ["1"] * (name == "work retry")) for name in named} >= {
        "serve",
        "worker",
        "scheduler",
        "check",
        "work retry",
    }


def test_the_settings_that_are_written_are_read(monkeypatch):
    written = written_settings()
    known = {f"COURSELENS_{name.upper()}" for name in Settings.model_fields}
    assert written.keys() <= known
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert str(settings.home) == "/var/lib/courselens"
    assert [str(path) for path in settings.source_paths] == ["/edx/var/log/tracking"]
    assert settings.mysql_url is not None
    MySQL(settings.mysql_url.get_secret_value()).close()
    for url in (settings.database_url, settings.broker_url, settings.mongo_url):
        assert url is not None
        assert "$" not in url.get_secret_value()


@pytest.mark.parametrize("text", [SECTION, OPERATING], ids=["README", "operating"])
def test_every_setting_and_file_that_is_named_exists(text):
    known = {f"COURSELENS_{name.upper()}" for name in Settings.model_fields}
    # What plugins are told has names of their own behind `COURSELENS_PLUGIN_`.
    assert set(re.findall(r"COURSELENS_(?!PLUGIN_<)\w+", text)) <= known
    for name in re.findall(r"\b(?:deploy|requirements)/[\w/.-]+\w", text):
        assert name in OPERATORS or (ROOT / name).exists() or list(ROOT.glob(f"{name}*")), name


def test_files_speak_of_the_same_places():
    units = "".join(path.read_text() for path in (DEPLOY / "systemd").iterdir())
    assert "EnvironmentFile=/etc/courselens.env" in units
    assert "/etc/courselens.env" in SECTION
    assert SECTION.count("/opt/courselens/bin/") >= 3
    assert "process.env.READER_PASSWORD" in (DEPLOY / "mongodb-reader.js").read_text()
    assert "export READER_PASSWORD" in SECTION
