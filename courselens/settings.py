"""All settings: read once from environment variables that start with `COURSELENS_`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can set; each field is the variable `COURSELENS_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="COURSELENS_", frozen=True, extra="ignore")

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
    graphiql: bool = Field(default=True, description="Whether /graphiql is served.")
    token_issuer: str = Field(
        default="http://courselens.local/oauth2",
        description="`iss` of tokens signed by the local key.",
    )
    token_audience: str = Field(default="courselens", description="`aud` of accepted tokens.")
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
