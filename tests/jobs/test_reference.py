"""A reference outside of the library: identified, decoded and embedded on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.jobs.collection import Analyzed, write_track
from workbench.config import Settings
from workbench.errors import AudioError, InputError, Reason
from workbench.jobs.reference import analyze_reference, locate
from workbench.similarity.embedding import EMBEDDING


def test_a_reference_has_the_vector_that_its_track_has(analyzed: Analyzed) -> None:
    track = analyzed.track("club/techno.ogg")
    assert locate(analyzed.library.catalog, track["path"])[:2] == (track["id"], track["path"])
    stored = analyzed.library.features["embedding"].sel(track=track["id"]).values
    # a worker's linear algebra has one thread, this process's may have more: the last bit may differ
    np.testing.assert_allclose(analyze_reference(track["path"], Settings()), stored, rtol=1e-5)


def test_a_region_is_another_vector(analyzed: Analyzed) -> None:
    path = str(analyzed.music / "ballad/calm.flac")
    whole, part = analyze_reference(path, Settings()), analyze_reference(path, Settings(), (1.0, 2.0))
    assert part.shape == EMBEDDING.shape
    assert not np.array_equal(whole, part, equal_nan=True)


def test_a_region_equals_a_file_that_was_cut_there(tmp_path: Path) -> None:
    import soundfile

    whole = write_track(tmp_path / "whole.wav", 5, seconds=3.0)
    y, sr = soundfile.read(whole, dtype="int16")
    soundfile.write(tmp_path / "cut.wav", y[sr : 2 * sr], sr)
    np.testing.assert_array_equal(
        analyze_reference(str(whole), Settings(), (1.0, 2.0)), analyze_reference(str(tmp_path / "cut.wav"), Settings())
    )


@pytest.mark.parametrize("region", [(2.0, 1.0), (1.0, 1.0), (-1.0, 2.0), (60.0, 61.0), (float("nan"), 1.0)])
def test_regions_that_hold_nothing(analyzed: Analyzed, region: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="region"):
        analyze_reference(str(analyzed.music / "ballad/calm.flac"), Settings(), region)


def test_a_region_may_end_after_the_audio(analyzed: Analyzed) -> None:
    assert analyze_reference(str(analyzed.music / "ballad/calm.flac"), Settings(), (3.0, 1e9)).shape == EMBEDDING.shape


def test_limits_hold_for_a_reference(analyzed: Analyzed) -> None:
    with pytest.raises(AudioError) as caught:
        analyze_reference(str(analyzed.music / "ballad/calm.flac"), Settings(max_duration_s=1.0))
    assert caught.value.reason is Reason.TOO_LONG
