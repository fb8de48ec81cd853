import re

import pytest

from courselens.settings import Settings
from tests.deploy.reading import DEPLOY, ROOT, Unset, commands_of, parse, read_compose, read_env

FILLED_IN = {"POSTGRES_PASSWORD": "p1", "REDIS_PASSWORD": "p2", "TRIAL_PASSWORD": "p3"}
OURS = ("serve", "worker", "scheduler", "seed")


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
    assert needed == {"serve", "worker", "scheduler", "postgres", "redis"}
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
    for name in ("worker", "scheduler"):
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
    named = set(re.findall(r"COURSELENS_\w+", written))
    assert "COURSELENS_DATABASE_URL" in named
    assert named <= known


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


def test_the_commands_that_ask_for_health_are_commands(services):
    for name in ("worker", "scheduler"):
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
