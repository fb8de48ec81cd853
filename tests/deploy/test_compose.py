import os
import re
import subprocess

import pytest

from courselens.settings import Settings
from tests.deploy.reading import DEPLOY, ROOT, Unset, commands_of, parse, read_compose, read_env

FILLED_IN = {"POSTGRES_PASSWORD": "p1", "REDIS_PASSWORD": "p2", "TRIAL_PASSWORD": "p3"}
OURS = ("serve", "worker", "scheduler", "retire", "seed")
OF_THE_IMAGE = {"home", "host", "port"}
LEFT_AS_THEY_ARE = {
    # They would lead out of the volume, or to a port or socket that the container does not show.
    *("lake", "listen_fd", "metrics_host", "metrics_port"),
    # Their defaults fit the limits of the services.
    *("threads", "database_timeout_seconds", "question_deadline_seconds", "live_deadline_seconds"),
    *("export_deadline_seconds", "stop_limit_seconds", "import_seconds", "indicator_memory_mb"),
    *("indicator_time_limit_seconds", "task_time_limit_seconds", "lease_seconds"),
    *("worker_poll_seconds", "look_every_seconds", "roles_seconds", "roles_outage_seconds"),
    *("source_connections", "source_statement_seconds", "source_deadline_seconds"),
    # Matters of taste or of a rare platform: a line in an override file.
    *("cost_limit", "documents_from_clients", "tracking_table", "mongo_forum_database"),
    *("sync_every_seconds", "sweep_every_seconds", "refresh_every_seconds"),
}
"""Settings that the compose file does not pass on."""


@pytest.fixture(scope="module")
def values():
    return read_env((DEPLOY / "example.env").read_text(encoding="utf-8"), FILLED_IN)


@pytest.fixture(scope="module")
def services(values):
    return read_compose(values)["services"]


def test_everything_that_is_needed_is_there(services):
    theirs = {"postgres", "redis", "mariadb", "mongodb"}
    assert set(services) == {*OURS, *theirs}


def test_nothing_starts_until_every_password_is_filled_in(values):
    empty = read_env((DEPLOY / "example.env").read_text(encoding="utf-8"), {})
    assert [name for name in FILLED_IN if empty[name]] == []
    for name in FILLED_IN:
        with pytest.raises(Unset, match=name):
            read_compose({**values, name: ""})


def test_a_site_of_ones_own_needs_no_trial(values):
    own = {**values, "COMPOSE_PROFILES": "", "COURSELENS_MYSQL_URL": "mysql://a:b@c/d"}
    services = read_compose(own)["services"]
    needed = {name for name, service in services.items() if "profiles" not in service}
    assert needed == {"serve", "worker", "scheduler", "retire", "postgres", "redis"}
    for name in needed:
        waited_for = services[name].get("depends_on", {})
        required = {other for other, how in waited_for.items() if how.get("required", True)}
        assert required <= needed


def test_every_service_is_confined(services):
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= limits.keys(), name
        if name not in OURS:  # ours has its user in the image
            assert service["user"] == "999:999", name
        for port in service.get("ports", []):
            assert str(port).startswith(("127.0.0.1:", "{'host_ip': '127.0.0.1'")), name


def test_whoever_is_waited_for_says_when_he_is_ready(services):
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_completed_successfully":
                assert services[other]["restart"] == "no", (name, other)
                continue
            assert how["condition"] == "service_healthy", (name, other)
            assert services[other]["healthcheck"]["test"][0] == "CMD", other
    for name in ("worker", "scheduler", "retire"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_images_are_pinned(services):
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        assert re.match(r"\d", tag), name
        assert image != "courselens" or tag == version[1]


def test_every_setting_exists(services, values):
    known = {f"COURSELENS_{name.upper()}" for name in Settings.model_fields}
    written = "".join(
        path.read_text(encoding="utf-8") for path in DEPLOY.rglob("*") if path.is_file()
    )
    # What plugins are told has names of their own behind `COURSELENS_PLUGIN_`.
    named = set(re.findall(r"COURSELENS_(?!PLUGIN_[<*])\w+", written))
    assert "COURSELENS_DATABASE_URL" in named
    assert named <= known


def test_every_setting_is_passed_on_or_left_as_it_is_for_a_reason(services):
    passed = {
        name.removeprefix("COURSELENS_").lower()
        for service in OURS
        for name in services[service]["environment"]
    }
    assert passed.isdisjoint(OF_THE_IMAGE | LEFT_AS_THEY_ARE)
    assert passed | OF_THE_IMAGE | LEFT_AS_THEY_ARE == set(Settings.model_fields)


def test_every_setting_is_in_the_reference():
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    described = re.findall(r"^\| `COURSELENS_(\w+)` \| .+ \| (.+) \|$", reference, re.MULTILINE)
    assert {name.lower() for name, _ in described} == set(Settings.model_fields)
    assert all(meaning.endswith((".", ")", "…")) for _, meaning in described)


def test_every_process_has_the_same_plugins_and_what_they_are_told(services):
    for name in OURS:
        assert {"COURSELENS_PLUGINS", "COURSELENS_DISABLED"} <= services[name]["environment"].keys()
        assert services[name]["env_file"] == [{"path": "plugins.env", "required": False}], name


def test_settings_of_every_service_can_be_read(services, values, monkeypatch):
    for name in OURS:
        environment = services[name]["environment"]
        for variable, value in environment.items():
            monkeypatch.setenv(variable, str(values.get(variable, "") if value is None else value))
        settings = Settings()
        assert settings.database_url is not None
        assert settings.broker_url is not None
        assert settings.mysql_url is not None
        assert settings.mysql_url.get_secret_value() == "mysql://courselens:p3@mariadb:3306/openedx"
        for variable in environment:
            monkeypatch.delenv(variable)


def test_whatever_says_who_may_ask_reaches_the_api(services):
    passed = {name.removeprefix("COURSELENS_").lower() for name in services["serve"]["environment"]}
    about_access = {
        name
        for name in Settings.model_fields
        if name.startswith(("lms_", "token_")) or name.endswith(("_origins", "_hosts"))
    }
    assert {"lms_issuer", "token_audience", "cookie_origins", "allowed_hosts"} <= about_access
    assert about_access | {"profile_filters", "rates_url", "introspection"} <= passed


def test_tasks_fit_into_the_memory_of_the_worker(services):
    environment = services["worker"]["environment"]
    tasks_mb = environment["COURSELENS_WORKER_SLOTS"] * environment["COURSELENS_TASK_MEMORY_MB"]
    limit = services["worker"]["deploy"]["resources"]["limits"]["memory"]
    assert limit.endswith("gb")
    assert tasks_mb + 512 <= float(limit.removesuffix("gb")) * 1024


@pytest.mark.parametrize("name", ["serve", "worker", "scheduler"])
def test_the_command_of_a_service_is_one(services, name):
    assert parse(services[name]["command"]) == name


def test_the_command_of_every_day_is_one(services):
    assert services["retire"]["entrypoint"] == ["sh", "-c"]
    (script,) = services["retire"]["command"]
    assert [parse(each) for each in commands_of(script.replace(";", "\n"))] == ["retire"]


@pytest.mark.parametrize(("exits", "pauses"), [(0, "86400"), (1, "3600")])
def test_it_is_run_again_tomorrow_or_in_an_hour_where_it_failed(services, exits, pauses, tmp_path):
    for name, does in {
        "courselens": f'echo "$@" >> said; exit {exits}',
        "sleep": 'echo "sleep $@" >> said; [ $(wc -l < said) -lt 4 ] || kill $PPID',
    }.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    command = [*services["retire"]["entrypoint"], *services["retire"]["command"]]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=tmp_path, env=environment, timeout=60, check=False)
    said = (tmp_path / "said").read_text().splitlines()
    assert said == ["retire --from-platform", f"sleep {pauses}"] * 2


def test_the_commands_that_ask_for_health_are_commands(services):
    for name in ("worker", "scheduler", "retire"):
        _, program, *arguments = services[name]["healthcheck"]["test"]
        assert (program, parse(arguments)) == ("courselens", "status")


def test_the_seeding_command_is_one(services):
    (script,) = services["seed"]["command"]
    assert [parse(arguments) for arguments in commands_of(script)] == ["simulate"]


def test_files_that_are_mounted_exist(services):
    mounted = [
        str(volume)
        for service in services.values()
        for volume in service.get("volumes", [])
        if "docker-entrypoint-initdb.d" in str(volume)
    ]
    sources = [source for each in mounted for source in re.findall(r"\./[\w./-]+", each)]
    assert len(sources) == 2
    assert all((DEPLOY / source).is_file() for source in sources)
