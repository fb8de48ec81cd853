"""Settings that cannot be used are refused, and no secret is ever told."""

from __future__ import annotations

import logging
from typing import get_args

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from courselens.errors import CourselensError
from courselens.serving import prepared_server
from courselens.settings import BadSettings, Settings

CANARY = "canary-0f1e2d3c"
FIELDS = Settings.model_fields
SECRETS = sorted(
    name
    for name, field in FIELDS.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
)
SCHEMES = {
    "broker_url": "redis",
    "database_url": "postgresql",
    "mongo_url": "mongodb",
    "rates_url": "redis",
}
ISSUER = "https://lms.example/oauth2"
GOOD_SECRET = "5c0a9e7f31d24b6888d7e6f5a4b3c2d1"


def given(name: str) -> list[str]:
    """Values of a setting that hold the canary: bare, as a password of a URL, of a broken URL."""
    if name not in SECRETS or name.startswith("lms_"):
        return [
            CANARY,
            f"{CANARY}-{GOOD_SECRET}",
            f'{{"keys": [{{"kty": "oct", "k": "{CANARY}"}}]}}',
        ]
    scheme = SCHEMES.get(name, "mysql")
    return [
        CANARY,
        f"{scheme}://reader:{CANARY}@127.0.0.1:9/none",
        f"{scheme}://reader:{CANARY}@127.0.0.1:nine/none",
        f"{scheme}://reader:{CANARY}@[broken/none?ssl={CANARY}",
        f"{scheme}://reader:{CANARY}/x@127.0.0.1:9/none",
        f"{scheme}://reader:{CANARY}#x@127.0.0.1:9/none",
    ]


@pytest.mark.parametrize("name", FIELDS)
def test_setting_that_is_refused_is_not_shown(
    name: str, run, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)  # the home of some values is a folder here
    monkeypatch.setenv("COURSELENS_LMS_ISSUER", ISSUER)
    for value in given(name):
        monkeypatch.setenv(f"COURSELENS_{name.upper()}", value)
        shown = run("token", "--user-id", 7, "--username", "ada")
        if shown.code:
            assert f"error: COURSELENS_{name.upper()}: " in shown.err
            assert CANARY not in shown.out + shown.err
        else:
            assert name not in SECRETS or CANARY not in repr(Settings())


@pytest.mark.parametrize("name", SECRETS)
async def test_secret_is_in_nothing_that_serving_says(
    name: str,
    postgres_url: str,
    tmp_path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    base = {"home": str(tmp_path), "port": "0", "lms_issuer": ISSUER}
    base |= {"database_url": postgres_url, "database_timeout_seconds": "2"}
    for value in given(name):
        for key, setting in {**base, name: value}.items():
            monkeypatch.setenv(f"COURSELENS_{key.upper()}", setting)
        with capture_logs() as logs:
            try:
                async with prepared_server(Settings()) as server:
                    told.append(repr(server))
            except CourselensError as error:
                told.append(str(error))
        told.append(repr(logs))
    printed = capfd.readouterr()
    assert CANARY not in "\n".join([*told, caplog.text, printed.out, printed.err])


@pytest.mark.parametrize("password", ["password", "change-me", "CHANGEME", "change%2Dme", "..."])
@pytest.mark.parametrize("name", sorted(set(SECRETS) - {"lms_keys", "lms_hs256_secret"}))
def test_password_of_an_example_is_refused(
    name: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"COURSELENS_{name.upper()}", f"mysql://reader:{password}@host/name")
    with pytest.raises(BadSettings, match=f"{name.upper()}: has the password of an example"):
        Settings()


@pytest.mark.parametrize(
    ("secret", "words"),
    [("lms-secret", "at least 32"), ("change_me" * 4, "placeholder")],
)
def test_default_or_short_secret_is_refused(
    secret: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSELENS_LMS_ISSUER", ISSUER)
    monkeypatch.setenv("COURSELENS_LMS_HS256_SECRET", secret)
    with pytest.raises(BadSettings, match=f"LMS_HS256_SECRET: .*{words}"):
        Settings()


def test_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSELENS_MYSQL_URL", "")
    monkeypatch.setenv("COURSELENS_LMS_HS256_SECRET", "")
    settings = Settings()
    assert (settings.mysql_url, settings.lms_hs256_secret) == (None, None)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"LMS_KEYS": "{}"}, "LMS_ISSUER is needed"),
        ({"LMS_KEYS_FILE": "x"}, "LMS_ISSUER is needed"),
        ({"LMS_HS256_SECRET": GOOD_SECRET}, "LMS_ISSUER is needed"),
        ({"LMS_KEYS": "{}", "LMS_KEYS_FILE": "x", "LMS_ISSUER": ISSUER}, "not both"),
        ({"ROLES_SECONDS": "61"}, "less than or equal to 60"),
        ({"COOKIE_ORIGINS": "https://apps.lms.example/"}, "no path"),
        ({"COOKIE_ORIGINS": "null"}, "no path"),
        ({"COOKIE_ORIGINS": "*"}, "no path"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"COURSELENS_{name}", value)
    with pytest.raises(BadSettings, match=words):
        Settings()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("mongo_url", "mongodb://a:9,b:10,c/openedx?replicaSet=r"),
        ("database_url", "postgresql:///name?host=/run/postgresql"),
        ("database_url", "postgresql://reader:p%2Fw@[::1]:5432/name"),
        ("broker_url", "redis://:p@host:6379/2"),
        ("broker_url", "amqp://host"),
        ("mysql_url", "mysql://reader:@host/openedx?ssl=1"),
    ],
)
def test_urls_of_all_kinds_are_taken(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"COURSELENS_{name.upper()}", url)
    assert getattr(Settings(), name).get_secret_value() == url


def test_origins_are_separated_by_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "COURSELENS_COOKIE_ORIGINS", "https://apps.lms.example http://localhost:1999"
    )
    assert Settings().cookie_origins == ("https://apps.lms.example", "http://localhost:1999")


@pytest.mark.parametrize(
    "url",
    ["http://redis:6379/2", "amqp://redis/2", "redis://redis:6379/2?socket_timeout=soon"],
)
def test_url_of_the_rates_is_refused_with_the_fix(url: str) -> None:
    with pytest.raises(
        BadSettings, match=r"COURSELENS_RATES_URL: write it as redis://host"
    ) as told:
        Settings(rates_url=url)
    assert "6379/2?" not in str(told.value)


@pytest.mark.parametrize("url", ["redis://redis:6379/2", "rediss://reader:pa55word@redis/0"])
def test_url_of_the_rates_is_that_of_a_redis(url: str) -> None:
    assert Settings(rates_url=url).rates_url == SecretStr(url)
