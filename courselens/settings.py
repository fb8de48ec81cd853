"""All settings: read once from environment variables that start with `COURSELENS_`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from courselens.errors import CourselensError
from courselens.keys import KeyRing, TokenRules, VerifyingKey, read_key_set, secret_key
from courselens.passwords import check_url, weakness

_PREFIX = "COURSELENS_"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


class BadSettings(CourselensError):
    """Settings cannot be used; says which and why, never what was given."""

    code = "SETTINGS_INVALID"

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems))


class Settings(BaseSettings):
    """What an operator can set; each field is the variable `COURSELENS_<NAME>`.

    Raises:
        BadSettings: a value is of another kind, out of range, or a secret that nobody has chosen.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,  # as compose files pass what is not set
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    home: Path = Field(
        default=Path(".courselens"),
        description="Folder of everything that is kept: lake, embedded PostgreSQL, local key.",
    )
    lake: Path | None = Field(
        default=None, description="Folder of the events lake; `<home>/lake` if not set."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL of the aggregates, postgresql://user:password@host/name; an "
        "embedded server below `<home>/postgres` if not set.",
    )
    memory_limit: str = Field(
        default="2GB", description="Memory that DuckDB may use before it spills to disk."
    )
    threads: int | None = Field(
        default=None, ge=1, description="Threads of DuckDB; all cores if not set."
    )
    host: str = Field(default="127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `serve` listens on.")
    listen_fd: int | None = Field(
        default=None,
        ge=0,
        description="Number of an open socket to listen on instead, as systemd and other parents "
        "hand one down; processes that share one can be restarted in turn without a lost request.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names under which `serve` answers, `*.example.org` for all below, several "
        "separated by spaces; any if not set. Health is told under every name.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Pages of other origins that may ask from a browser, besides "
        "`cookie_origins`: `https://dashboards.example`, several separated by spaces.",
    )
    introspection: bool = Field(
        default=True, description="Whether questions about the schema are answered."
    )
    registered_documents_only: bool = Field(
        default=False,
        description="Answer only documents that `courselens documents register` has stored.",
    )
    documents_from_clients: bool = Field(
        default=False,
        description="Signed-in clients may register documents (Apollo's automatic persisted "
        "queries); these stay within the limits of all others.",
    )
    cost_limit: int = Field(
        default=50_000,
        ge=1,
        description="Most points that one question may cost; four times as many where its "
        "document is registered.",
    )
    points_per_minute: int = Field(
        default=600_000,
        ge=0,
        description="Points that one viewer may use in a minute; 0: any number.",
    )
    rates_url: SecretStr | None = Field(
        default=None,
        description="Redis that counts them for all processes, redis://host:6379/2; each process "
        "for itself if not set, or while it does not answer.",
    )
    question_deadline_seconds: float = Field(
        default=30.0, gt=0, description="A question that takes longer is ended."
    )
    concurrent_questions: int = Field(
        default=64,
        ge=1,
        description="Questions that one process works on at a time; more are answered with 503 "
        "at once.",
    )
    answer_cache_mb: int = Field(
        default=16,
        ge=0,
        description="Room in each process for answers that are given again until a refresh changes "
        "them; 0: every question is read anew.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port on which `serve` shows metrics to Prometheus, each process on its own; "
        "none if not set. They name no person and no course, but are not for everybody.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address on which the metrics are shown."
    )
    concurrent_exports: int = Field(
        default=4,
        ge=1,
        description="Files that one process gives at a time, each with a connection to PostgreSQL "
        "of its own; more are answered with 503 at once.",
    )
    export_deadline_seconds: float = Field(
        default=300.0,
        gt=0,
        description="A file that takes longer is broken off, however slowly its reader reads.",
    )
    open_subscriptions: int = Field(
        default=500,
        ge=0,
        description="Subscriptions and WebSockets that one process keeps open; one more is "
        "answered with 503.",
    )
    stop_notice_seconds: float = Field(
        default=0.0,
        ge=0,
        le=300,
        description="For how long a process that is told to stop serves on while `/readyz` says "
        "that it will: as long as the load balancer takes to notice.",
    )
    stop_limit_seconds: float = Field(
        default=30.0,
        ge=0,
        description="How long after the notice files may still take in a process that stops, each "
        "at most to its own deadline; then they are broken off. Whoever ends the process by force "
        "must wait ten seconds longer.",
    )
    graphiql: bool = Field(default=True, description="Whether /graphiql is served.")
    token_issuer: str = Field(
        default="http://courselens.local/oauth2",
        description="`iss` of tokens signed by the local key.",
    )
    token_audience: str = Field(default="courselens", description="`aud` of accepted tokens.")
    lms_issuer: str | None = Field(
        default=None,
        min_length=1,
        description="`iss` of the platform's tokens, `https://<lms>/oauth2`; needed with any of "
        "the three below.",
    )
    lms_keys: SecretStr | None = Field(
        default=None,
        description="Public keys of the platform's RS512 tokens, as JSON: its "
        "`JWT_PUBLIC_SIGNING_JWK_SET`.",
    )
    lms_keys_file: Path | None = Field(
        default=None,
        description="File with the same, instead; read again within a second when it changes.",
    )
    lms_hs256_secret: SecretStr | None = Field(
        default=None,
        description="Accept the platform's HS256 tokens too: its `JWT_SECRET_KEY`, at least 32 "
        "bytes. Whoever knows it can be anybody; prefer RS512.",
    )
    cookie_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Pages for whose requests the platform's cookies count, besides our own: "
        "`https://apps.lms.example`, several separated by spaces.",
    )
    roles_seconds: float = Field(
        default=60.0,
        ge=0,
        le=60,
        description="For how long a viewer's roles are remembered; 0: every request asks.",
    )
    roles_outage_seconds: float = Field(
        default=900.0,
        ge=0,
        description="For how long the roles that MySQL gave last count while it does not answer; "
        "after that a viewer has none until it does.",
    )
    profile_filters: Literal["team", "data_researcher", "off"] = Field(
        default="team",
        description="Who may filter and order a course's students by year of birth, gender, "
        "education and country, and is told exactly how many are of which: its team, only data "
        "researchers and global staff, or nobody.",
    )
    database_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Deadline of every statement on PostgreSQL."
    )
    broker_url: SecretStr | None = Field(
        default=None,
        description="Where workers are told of new work: redis://host:6379/2 (a database that "
        "Open edX does not use, so not 0 or 1) or amqp://host; inside the process if not set. "
        "Without a broker, or while it is down, work starts up to `worker_poll_seconds` later.",
    )
    source_paths: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Files and folders that the workers keep up with: logs, exports, package "
        "tables; separated by `:`.",
    )
    mysql_url: SecretStr | None = Field(
        default=None,
        description="The platform's MySQL, mysql://reader:password@host:3306/openedx, best a "
        "replica; the account needs nothing but SELECT. `?ssl=1` or `?ssl_ca=<file>` encrypts.",
    )
    mysql_history_url: SecretStr | None = Field(
        default=None,
        description="The second database in which newer sites keep the history of problem states "
        "(`edxapp_csmh`), where there is one.",
    )
    tracking_table: bool = Field(
        default=False,
        description="Whether events are read from MySQL's `track_trackinglog`, on old sites that "
        "keep no log files; with files of the same events all would count twice.",
    )
    mongo_url: SecretStr | None = Field(
        default=None,
        description="The platform's MongoDB with the course structures, "
        "mongodb://reader:password@host:27017/openedx; "
        "`readPreference=secondaryPreferred` in it spares the primary.",
    )
    mongo_forum_database: str = Field(
        default="cs_comments_service",
        min_length=1,
        description="MongoDB database of the forum, on sites that keep it there.",
    )
    source_connections: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Most connections that one process has open to each of these servers.",
    )
    source_statement_seconds: float = Field(
        default=10.0, gt=0, description="The server stops a statement of ours after so long."
    )
    source_deadline_seconds: float = Field(
        default=15.0,
        gt=0,
        description="For how long a task waits for one answer of these servers, tries included.",
    )
    sync_every_seconds: float = Field(
        default=900.0,
        gt=0,
        description="Least age of the copy of the platform's tables before changes are copied.",
    )
    sweep_every_seconds: float = Field(
        default=21_600.0,
        gt=0,
        description="How often rows are looked for that went, or changed where no index of the "
        "platform tells, as when somebody leaves a course or a profile is edited.",
    )
    live_deadline_seconds: float = Field(
        default=2.0,
        gt=0,
        description="For how long a request waits for these servers altogether; what has not come "
        "by then is null and says so.",
    )
    worker_slots: int = Field(
        default=2, ge=1, le=64, description="Tasks that one `worker` runs at a time."
    )
    worker_poll_seconds: float = Field(
        default=2.0, gt=0, le=5, description="How often a worker looks for work by itself."
    )
    lease_seconds: float = Field(
        default=12.0,
        ge=1,
        le=15,
        description="A worker that gives no sign of life for so long has lost its tasks.",
    )
    task_time_limit_seconds: float = Field(
        default=900.0, gt=0, description="A task that takes longer is stopped."
    )
    task_memory_mb: int = Field(
        default=4096,
        ge=64,
        description="A task that holds more memory is stopped; must leave room for "
        "`memory_limit` and for Python (Linux only).",
    )
    look_every_seconds: float = Field(
        default=60.0, gt=0, description="How often the scheduler looks for new and grown files."
    )
    refresh_every_seconds: float = Field(
        default=86_400.0,
        ge=0,
        description="Least age of a course's numbers before the scheduler has them renewed.",
    )

    plugins: Annotated[tuple[str, ...], NoDecode] | None = Field(
        default=None,
        description="Distributions whose indicators are loaded besides the built-in ones, several "
        "separated by spaces; all that are installed if not set.",
    )
    disabled: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Keys of indicators, or distributions, that are left out though they are "
        "installed, several separated by spaces; their tables stay.",
    )
    import_seconds: float = Field(
        default=10.0, gt=0, description="A plugin whose import takes longer is left out."
    )
    indicator_time_limit_seconds: float = Field(
        default=120.0,
        gt=0,
        description="An indicator of a plugin that computes longer for one course is stopped.",
    )
    indicator_memory_mb: int = Field(
        default=1024,
        ge=256,
        description="An indicator of a plugin whose process holds more is stopped; half of it is "
        "for the engine (Linux only).",
    )

    _plugin_values: dict[str, SecretStr] = PrivateAttr(default_factory=dict)

    def plugin_value(self, variable: str) -> str | None:
        """What the operator tells a plugin in a variable `COURSELENS_PLUGIN_*`; None: nothing."""
        value = self._plugin_values.get(variable)
        return None if value is None else value.get_secret_value()

    @property
    def has_sources(self) -> bool:
        """Whether anything is named that raw facts could come from."""
        return bool(self.source_paths or self.mysql_url or self.mongo_url)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as exc:
            raise BadSettings([_told(error) for error in exc.errors()]) from None
        self._plugin_values.update(
            (name, SecretStr(value))
            for name, value in os.environ.items()
            if name.startswith(f"{_PREFIX}PLUGIN_") and value
        )

    @property
    def lake_path(self) -> Path:
        """Folder of the events lake."""
        return self.lake or self.home / "lake"

    @property
    def postgres_path(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.home / "postgres"

    @property
    def tables_path(self) -> Path:
        """Folder of the copies of the sources' tables."""
        return self.home / "tables"

    @property
    def tracking_path(self) -> Path | None:
        """Folder of the logs that are written from MySQL's table, where they are."""
        return self.home / "tracking" if self.tracking_table and self.mysql_url else None

    @property
    def retired_path(self) -> Path:
        """Folder of the list of retired users."""
        return self.home / "retired"

    @property
    def scratch_path(self) -> Path:
        """Folder of what tasks write while they run."""
        return self.home / "scratch"

    @field_validator("source_paths", mode="before")
    @classmethod
    def _split_paths(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return tuple(Path(part) for part in given.split(os.pathsep) if part)

    @property
    def keys_path(self) -> Path:
        """Folder of the local signing key."""
        return self.home / "keys"

    @property
    def token_rules(self) -> TokenRules:
        """What tokens of the local key must say."""
        return TokenRules(self.token_issuer, self.token_audience)

    def key_ring(self, local: VerifyingKey) -> KeyRing:
        """The local key and those of the platform.

        Raises:
            BadKeys: the platform's cannot be used.
        """
        rules = TokenRules(self.lms_issuer or "", self.token_audience)
        keys = [local]
        if self.lms_keys is not None:
            text = self.lms_keys.get_secret_value()
            keys += read_key_set(text, rules, where=f"{_PREFIX}LMS_KEYS")
        if self.lms_hs256_secret is not None:
            secret = self.lms_hs256_secret.get_secret_value()
            keys.append(secret_key(secret, rules, where=f"{_PREFIX}LMS_HS256_SECRET"))
        return KeyRing(keys, file=self.lms_keys_file, rules=rules)

    @field_validator(
        "plugins", "disabled", "allowed_hosts", "cookie_origins", "cors_origins", mode="before"
    )
    @classmethod
    def _split_words(cls, given: object) -> object:
        return tuple(given.split()) if isinstance(given, str) else given

    @field_validator("cookie_origins", "cors_origins")
    @classmethod
    def _check_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in given):
            raise ValueError("write origins as browsers do: https://apps.lms.example, no path")
        return given

    @field_validator("lms_hs256_secret")
    @classmethod
    def _check_secret(cls, given: SecretStr | None) -> SecretStr | None:
        problem = None if given is None else weakness(given.get_secret_value())
        if problem:
            raise ValueError(problem)
        return given

    @field_validator(
        "database_url", "broker_url", "rates_url", "mysql_url", "mysql_history_url", "mongo_url"
    )
    @classmethod
    def _check_url(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            check_url(given.get_secret_value())
        return given

    @field_validator("rates_url")
    @classmethod
    def _check_redis(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            from redis.asyncio.connection import parse_url  # slow to import, and rarely needed

            try:
                parse_url(given.get_secret_value())
            except ValueError:
                raise ValueError("write it as redis://host:6379/2, or rediss:// for TLS") from None
        return given

    @model_validator(mode="after")
    def _check_lms(self) -> Settings:
        if self.lms_keys is not None and self.lms_keys_file is not None:
            raise ValueError("set LMS_KEYS or LMS_KEYS_FILE, not both")
        given = (self.lms_keys, self.lms_keys_file, self.lms_hs256_secret)
        if self.lms_issuer is None and any(one is not None for one in given):
            raise ValueError("LMS_ISSUER is needed with keys or a secret of the platform")
        return self


def _told(error: Any) -> tuple[str, str]:
    """A problem by the name of its variable; pydantic's own words hold no value."""
    name = "_".join(str(part) for part in error["loc"]).upper()
    return f"{_PREFIX}{name}" if name else "settings", error["msg"].removeprefix("Value error, ")
