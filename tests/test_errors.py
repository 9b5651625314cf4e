"""Every error says what happened and what to do, survives a trip between processes and has its exit code."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from workbench import errors
from workbench.errors import AudioError, Reason, WorkbenchError

EXIT_CODES = {
    "InputError": 2,
    "NotFoundError": 2,
    "LimitError": 2,
    "AudioError": 1,
    "LibraryError": 3,
    "LibraryVersionError": 3,
    "LibraryUnwritableError": 3,
    "CatalogLockedError": 3,
    "LibraryDamagedError": 3,
    "StorageFullError": 4,
    "FenceLostError": 5,
    "JobError": 5,
}


def tree(kind: type[WorkbenchError]) -> list[type[WorkbenchError]]:
    """An error class and all below it."""
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def test_exit_codes_are_stable() -> None:
    known = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert {name: known[name].exit_code for name in EXIT_CODES} == EXIT_CODES


def test_the_drawing_names_every_error() -> None:
    drawn = set(re.findall(r"\w+Error", errors.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in tree(WorkbenchError) if kind.__module__ == errors.__name__}


@pytest.mark.parametrize("name", [name for name in EXIT_CODES if name != "AudioError"])
def test_an_error_says_what_happened_then_what_to_do(name: str) -> None:
    error = getattr(errors, name)("It broke.", "Mend it.")
    assert str(error) == "It broke. Mend it."
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.remedy) == (type(error), "It broke.", "Mend it.")


def test_an_error_needs_no_remedy() -> None:
    assert str(WorkbenchError("It broke.")) == "It broke."


@pytest.mark.parametrize(
    ("detail", "said"),
    [("", "'a.wav': empty. The file has no bytes"), ("0 bytes", "'a.wav': empty (0 bytes). The file has no bytes")],
)
def test_an_audio_error_names_file_reason_and_remedy(detail: str, said: str) -> None:
    error = AudioError(Path("a.wav"), Reason.EMPTY, detail)
    assert str(error).startswith(said)
    again = pickle.loads(pickle.dumps(error))
    assert (again.path, again.reason, again.detail, str(again)) == ("a.wav", Reason.EMPTY, detail, str(error))


def test_an_audio_error_names_a_file_whose_name_is_not_text() -> None:
    error = AudioError("caf\udce9.wav", Reason.MISSING)
    assert str(error).encode("utf-8").startswith(rb"'caf\udce9.wav': missing.")


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_a_remedy_of_one_sentence(reason: Reason) -> None:
    assert reason.remedy.endswith(".")
    assert reason.value == reason.name.lower()


def test_only_what_may_pass_by_itself_is_tried_again() -> None:
    assert {reason.value for reason in Reason if reason.transient} == {
        "missing",
        "permission_denied",
        "symlink_loop",
        "leads_out",
        "decoder_missing",
        "changed_while_read",
        "read_error",
    }
