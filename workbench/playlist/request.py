"""What a playlist may be asked for: one model for Python, the command line and, later, the web."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import InputError
from workbench.features.mood import MOODS
from workbench.playlist.keys import parse_key

Curve = Literal["flat", "rise", "fall", "arc"]

DEFAULT_N = 20
MAX_TRACKS = 1000


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the lower end {bounds[0]:g} is above the upper end {bounds[1]:g}; write the lower one first")
    return bounds


def _moods(value: Any) -> Any:
    """One name or several; a name that nobody defined is refused with the list of those that exist."""
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else tuple(value)
    unknown = [name for name in names if name not in MOODS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a mood; the moods are {', '.join(MOODS)}")
    return tuple(dict.fromkeys(names)) or None


def _key_name(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_key(text).name
    except InputError as error:
        raise ValueError(str(error).removeprefix("key: ")) from error


_Energy = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Bpm = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]


class PlaylistRequest(BaseModel):
    """A playlist as it is asked for. Everything left out is left open.

    Raises
    ------
    pydantic.ValidationError
        When built directly; `from_fields` raises the workbench's `InputError` instead.

    Examples
    --------
    >>> PlaylistRequest.from_fields(bpm=(80, 110), key="8A", curve="rise").key
    'A minor'
    >>> PlaylistRequest.from_fields(energy=(0.9, 0.2))
    Traceback (most recent call last):
    ...
    workbench.errors.InputError: energy: the lower end 0.9 is above the upper end 0.2; write the lower one first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mood: Annotated[tuple[str, ...] | None, BeforeValidator(_moods)] = Field(
        default=None, description="Named moods, one or several; a track has one of them."
    )
    energy: Annotated[tuple[_Energy, _Energy], AfterValidator(_ordered)] | None = Field(
        default=None, description="Lowest and highest energy, each in 0 to 1."
    )
    bpm: Annotated[tuple[_Bpm, _Bpm], AfterValidator(_ordered)] | None = Field(
        default=None, description="Lowest and highest tempo in beats per minute."
    )
    half_double: bool = Field(
        default=False, description="Count half and double tempo as the same, in the range and between neighbours."
    )
    key: Annotated[str | None, AfterValidator(_key_name)] = Field(
        default=None, description="A key such as 'A minor', 'Am', '8A', 'F#' or 'Bb major'."
    )
    compatible_keys: bool = Field(
        default=False, description="Let the key's relative and the keys a fifth away through as well."
    )
    n: int | None = Field(default=None, ge=1, le=MAX_TRACKS, description="Number of tracks; 20 if no length is given.")
    minutes: float | None = Field(
        default=None, gt=0, le=1440, allow_inf_nan=False, description="Total length in minutes, instead of n."
    )
    curve: Curve | None = Field(default=None, description="How energy goes: flat, rise, fall or arc.")
    start: int | str | None = Field(default=None, description="Id of the first track, whatever the ranges say.")
    end: int | str | None = Field(default=None, description="Id of the last track, whatever the ranges say.")
    seed: _Seed | None = Field(default=None, description="Another seed gives another good list; the same, the same.")

    @model_validator(mode="before")
    @classmethod
    def _default_length(cls, data: Any) -> Any:
        """Ask for `DEFAULT_N` tracks where neither a number nor a duration is given."""
        if isinstance(data, dict) and data.get("n") is None and data.get("minutes") is None:
            return {**data, "n": DEFAULT_N}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> PlaylistRequest:
        if self.n is not None and self.minutes is not None:
            raise ValueError("n and minutes exclude each other; give one of them")
        if self.compatible_keys and self.key is None:
            raise ValueError("compatible_keys needs key; give the key to be compatible with")
        if self.start is not None and self.end is not None:
            if str(self.start) == str(self.end):
                raise ValueError("start and end are the same track, which would be repeated; give two tracks")
            if self.n == 1:
                raise ValueError("n must be at least 2 when both start and end are given")
        return self

    @classmethod
    def from_fields(cls, **fields: Any) -> PlaylistRequest:
        """Build a request, or say in one sentence per field what is wrong and what is allowed.

        Parameters
        ----------
        **fields
            The model's fields. None means that nothing is asked.

        Raises
        ------
        InputError
            Naming each wrong field and what it takes.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise InputError(" ".join(_complaints(error))) from error


def _complaints(error: ValidationError) -> list[str]:
    said: dict[str, None] = {}
    for problem in error.errors(include_url=False):
        field = next((str(part) for part in problem["loc"]), "")
        if problem["type"] == "extra_forbidden":
            text = f"{field}: no such field; the fields are {', '.join(PlaylistRequest.model_fields)}"
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            given = "" if problem["type"] == "value_error" else f" (given: {str(problem['input'])[:80]})"
            text = f"{field}: {message}{given}" if field else message
        said.setdefault(f"{text}.", None)
    return list(said)
