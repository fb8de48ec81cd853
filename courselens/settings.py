"""All settings: read once from environment variables that start with `COURSELENS_`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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

    @property
    def lake_path(self) -> Path:
        """Folder of the events lake."""
        return self.lake or self.home / "lake"

    @property
    def postgres_path(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.home / "postgres"

    @property
    def keys_path(self) -> Path:
        """Folder of the local signing key."""
        return self.home / "keys"
