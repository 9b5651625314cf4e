"""Settings: flags win over the environment (``WORKBENCH_*``), which wins over the settings file.

The file is ``workbench/settings.toml`` in the user's configuration folder, or the one that
``WORKBENCH_SETTINGS`` names. ``docs/settings.md`` is made from the fields below.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from workbench.errors import InputError


def settings_file() -> Path:
    """Name the settings file that applies, whether or not it exists."""
    named = os.environ.get("WORKBENCH_SETTINGS")
    return Path(named) if named else platformdirs.user_config_path("workbench") / "settings.toml"


class Provider(BaseModel):
    """A language model that may read what is asked in words. Its key is no setting: see `key_variable`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[\w.-]{1,40}$", description="A word for it, in status and metrics.")
    kind: Literal["ollama", "openai", "openai-compatible", "anthropic", "google"] = Field(description="What it speaks.")
    model: str = Field(min_length=1, max_length=200, description="Name of the model there.")
    address: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s@?#]+$",
        description="Root of its API; default the provider's own, and for `ollama` http://127.0.0.1:11434/v1.",
    )
    enabled: bool = Field(default=True, description="Whether it is asked.")
    timeout_s: float = Field(default=15.0, gt=0, le=600, description="Longest time that it may take, retries and all.")
    private: bool = Field(default=False, description="Whether `address` may be one of this machine or network.")
    key_variable: str | None = Field(
        default=None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
        description="Variable of the environment with its key; default `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` or "
        "`GOOGLE_API_KEY`. Where there is none, the keyring is asked for the service `workbench` and the name.",
    )
    cost_in: float | None = Field(default=None, ge=0, description="US dollars per million tokens that are sent.")
    cost_out: float | None = Field(default=None, ge=0, description="The same of those that come back.")

    @model_validator(mode="after")
    def _somewhere(self) -> Provider:
        if self.kind == "openai-compatible" and self.address is None:
            raise ValueError("openai-compatible needs an address")
        return self


class Settings(BaseSettings):
    """Everything that a user may set. Every field is also an environment variable."""

    model_config = SettingsConfigDict(env_prefix="WORKBENCH_", extra="forbid", hide_input_in_errors=True)

    library: Path = Field(
        default_factory=lambda: Path("~/workbench.library").expanduser(),
        description="Folder of the library: its catalog, features and search index.",
    )
    catalog: SecretStr | None = Field(
        default=None,
        description="PostgreSQL database for the catalogs of new libraries (postgresql://user@host/database); "
        "default: an SQLite file in the library's folder.",
    )
    workers: int | None = Field(default=None, ge=1, description="Worker processes; default: one per CPU core.")
    scheduler: str | None = Field(default=None, description="Address of an existing Dask scheduler (tcp://…).")
    descriptors: Literal["fast", "full"] = Field(
        default="fast",
        description="The descriptors to compute: `fast`, or `full` with all of `docs/descriptors.md`.",
    )
    search_index: Literal["exact", "approximate", "auto"] = Field(
        default="auto",
        description=(
            "How `similar` searches: `exact`; `approximate`, by an index whose recall is measured on the library and"
            " told with each answer (needs the extra `search`); `auto`, approximate from 1,048,576 tracks on if the"
            " extra is installed."
        ),
    )
    max_duration_s: float = Field(default=14 * 3600, gt=0, description="Longest decoded duration of a file, seconds.")
    max_decoded_bytes: int = Field(
        default=64 * 2**30, gt=0, description="Most bytes of float32 samples that one file may decode to."
    )
    max_channels: int = Field(default=64, ge=1, description="Most channels that a file may have.")
    file_deadline_s: float = Field(
        default=900.0, gt=0, description="Longest time that one file may take, seconds; then it is given up."
    )
    lease_s: float = Field(
        default=20.0, gt=0, description="A job whose driver is silent for so long may be taken over, seconds."
    )
    jobs_at_once: int = Field(
        default=4, ge=1, description="Jobs of the queue that one process works on at a time; half of them of one owner."
    )
    most_jobs: int | None = Field(
        default=None, ge=1, description="Jobs that one owner may have in the queue and at work; default: no limit."
    )
    most_files: int | None = Field(
        default=None, ge=1, description="Files that all such jobs of one owner may hold; default: no limit."
    )
    busy_timeout_s: float = Field(
        default=30.0, ge=0, description="How long to wait for a catalog that another process holds, seconds."
    )
    reconnect_s: float = Field(
        default=60.0, ge=0, description="How long to try to reach a PostgreSQL server again that went away, seconds."
    )
    redis: SecretStr | None = Field(
        default=None,
        description="Redis server that keeps answers (redis://host:6379/0), for several machines or processes; "
        "default: a file beside the library's index.",
    )
    cache_bytes: int = Field(default=64 * 2**20, ge=0, description="Room for answers that are kept; 0 keeps none.")
    cache_age_s: float = Field(default=30 * 86_400, gt=0, description="How long an answer is kept at most, seconds.")
    near_query: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="A blend or an uploaded file that is no farther than this from one searched for before gets the "
        "answer to that, which then says so; 0: every answer is exact.",
    )
    warm_queries: int = Field(
        default=100, ge=0, description="Common queries that a server answers beforehand when the library has changed."
    )
    warm_s: float = Field(default=60.0, ge=0, description="Longest time that it takes for that each time, seconds.")

    assist: tuple[Provider, ...] = Field(
        default=(),
        description="Language models that read what is asked in words, in the order in which they are asked; see "
        "`docs/assist.md`. In the environment as JSON. Default: the offline parser alone.",
    )
    assist_deadline_s: float = Field(
        default=30.0, gt=0, le=600, description="Longest time that all of them together may take, seconds."
    )
    assist_tokens_per_day: int = Field(
        default=1_000_000, ge=0, description="Tokens that all of them may use of this library's in a day (UTC)."
    )
    assist_cost_per_day: float = Field(default=1.0, ge=0, description="US dollars that they may cost in a day.")
    assist_near: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="A text of which no more than this part of the words differs from one that a model has read, and "
        "that the offline parser reads alike, gets the same request, which then says so; 0: none does.",
    )

    server: str | None = Field(
        default=None,
        description="Server that `workbench.client` and dashboards ask: http://host:8765, or the root of its API.",
    )
    token: SecretStr | None = Field(default=None, description="Token with which it does so.")

    roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders below which files may be picked and analyzed on request, parted as in `PATH`; none "
        "by default, in a Jupyter Server its own root.",
    )
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names, parted by commas, under which the server is reached besides `localhost` and addresses.",
    )
    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins, `https://…`, parted by commas, under which people see this server, as behind a proxy: "
        "changes and sockets from pages of any other are refused.",
    )
    upload_bytes: int = Field(default=500_000_000, gt=0, description="Most bytes that one upload may have.")
    requests_per_s: float = Field(
        default=200.0,
        gt=0,
        description="Requests that one user may make of one server process per second, over some time.",
    )
    guesses_per_minute: float = Field(
        default=10.0,
        gt=0,
        description="Wrong tokens that one address may send to one process of `workbench serve` per minute.",
    )
    credentials: Path = Field(
        default_factory=lambda: platformdirs.user_config_path("workbench") / "credentials.json",
        description="File in which `workbench serve` keeps who may use it, with hashes of their secrets.",
    )

    @field_validator("roots", mode="before")
    @classmethod
    def _paths(cls, value: object) -> object:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("hosts", "origins", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return [part.strip().lower() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Ask flags first, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def load_settings() -> Settings:
    """Read the settings that apply.

    Raises
    ------
    InputError
        When one of them makes no sense; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_given(e['loc'], e['input'])}" for e in error.errors()]
        raise InputError(
            f"A setting cannot be used: {'; '.join(wrong)}.",
            f"See the variables WORKBENCH_… of the environment, and {str(settings_file())!r}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(
            f"The settings file {str(settings_file())!r} cannot be read: {error}.", "Correct it."
        ) from error


def _given(place: tuple[int | str, ...], value: object) -> str:
    """Repeat what was given for a setting that holds no secret; under an unknown name it may be one."""
    shown = place and place[0] in Settings.model_fields and place[0] not in ("catalog", "redis", "token", "assist")
    return f" (given: {value!r})" if shown else ""
