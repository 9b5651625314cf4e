"""One pass: the same bits however the audio is cut, at constant memory, for any input."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.sounds import SR, music, noise
from workbench.errors import InputError
from workbench.features import DESCRIPTORS, ExtractConfig, Extractor, Features, extract, spec, specs
from workbench.features.registry import WEIGHTED
from workbench.features.summary import WEIGHTED_STATISTICS

EVERYTHING = [s.path for s in specs([name for name, d in DESCRIPTORS.items() if "frames" in d.levels], "full")]


def stereo(seconds: float, sample_rate: int) -> np.ndarray:
    """Music, a little different in each channel; at another rate it is merely higher or lower."""
    y = music(0, seconds * sample_rate / SR)
    return np.stack((y, 0.5 * y + noise(1, len(y) / SR, level=0.01)[: len(y)]), axis=1)


def bits(features: Features) -> dict[str, bytes]:
    return {path: array.tobytes() for path, array in features.arrays.items()}


@settings(max_examples=15)
@given(
    at=st.lists(st.integers(0, 3 * 44100), max_size=8),
    sample_rate=st.sampled_from([44100, 22050]),
    seconds=st.sampled_from([0.006, 0.3, 2.9]),
)
def test_the_result_does_not_depend_on_the_cut(at: list[int], sample_rate: int, seconds: float) -> None:
    y = stereo(seconds, sample_rate)
    edges = [0, *sorted(min(a, len(y)) for a in at), len(y)]
    cut = extract((y[a:b] for a, b in pairwise(edges)), sample_rate, paths=EVERYTHING)
    whole = extract([y], sample_rate, paths=EVERYTHING)
    assert bits(cut) == bits(whole)
    assert cut.columns == whole.columns


def test_the_result_does_not_depend_on_what_else_is_wanted() -> None:
    y = stereo(2.5, SR)
    everything = bits(extract([y], SR, paths=EVERYTHING))
    for path in EVERYTHING:
        assert bits(extract([y], SR, paths=[path])) == {path: everything[path]}, path


def test_16_bit_samples_give_what_their_float_values_give() -> None:
    y = np.round(stereo(2.5, 44100) * 8000).astype(np.int16)
    exact = extract([y.astype(np.float32) / np.float32(32768)], 44100)
    assert bits(extract([y], 44100)) == bits(exact)


def test_by_default_all_summaries_and_segments_are_given() -> None:
    found = extract([stereo(2.4, SR)], SR)
    assert list(found.arrays) == [s.path for s in specs()]
    assert {a.dtype for a in found.arrays.values()} == {np.dtype(np.float32)}
    assert found.arrays["segments/mfcc"].shape == (2, 20)
    assert found.duration_s == pytest.approx(2.4)
    assert list(found.columns) == [
        "duration_s", "bpm", "bpm_confidence", "key", "camelot", "key_strength", "energy", "valence", "arousal",
        "danceability", "mood", "loudness_lufs",
    ]  # fmt: skip


def test_columns_are_plain_values_and_missing_is_none() -> None:
    columns = extract([stereo(12, SR)], SR).columns
    assert columns["key"] == "C major"
    assert columns["camelot"] == "8B"
    assert all(type(value) in (float, str) for value in columns.values())
    silence = extract([np.zeros((SR, 2), np.float32)], SR).columns
    assert silence.pop("duration_s") == 1.0
    assert set(silence.values()) == {None}


@st.composite
def odd_audio(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Signals that break analyses: constant, clipped, inverted, huge, tiny, a click, at any rate and channel count."""
    sample_rate = draw(st.sampled_from([1000, 8000, 11025, 22050, 44100, 192000, 768000]))
    n = -(-sample_rate * draw(st.sampled_from([5, 10, 23, 100, 500, 1700])) // 1000)
    n_channels = draw(st.sampled_from([1, 2, 3, 6, 8, 64]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    y = rng.standard_normal((n, min(n_channels, 200000 // n + 1)))
    kind = draw(
        st.sampled_from(["noise", "silence", "constant", "clipped", "inverted", "huge", "tiny", "click", "steps"])
    )
    if kind == "silence":
        y *= 0
    elif kind == "constant":
        y = np.ones_like(y) * -0.7
    elif kind == "clipped":
        y = np.sign(y)
    elif kind == "inverted":
        y[:, 1::2] = -y[:, : y.shape[1] // 2 * 2 : 2]
    elif kind in ("huge", "tiny"):
        y *= 1e36 if kind == "huge" else 1e-36
    elif kind == "click":
        y *= np.arange(n)[:, None] == n // 2
    elif kind == "steps":
        y = np.repeat([[0.0], [1.0]], n, axis=0)[n // 2 : n // 2 + n] * np.ones(y.shape[1])
    return y.astype(np.float32), sample_rate


@settings(max_examples=40)
@given(odd_audio())
def test_any_input_keeps_the_contract_of_every_array(audio: tuple[np.ndarray, int]) -> None:
    y, sample_rate = audio
    found = extract([y], sample_rate, paths=EVERYTHING)
    lengths = {"segments": set(), "frames": set()}  # type: ignore[var-annotated]
    for path, array in found.arrays.items():
        contract = spec(path)
        rows = array if contract.level in lengths else array[None]
        contract.encode(rows)  # raises for a wrong shape, a NaN where none may be, or a value out of range
        if contract.level in lengths:
            lengths[contract.level].add(len(rows))
    assert [len(n) for n in lengths.values()] == [1, 1]


def test_channels_that_cancel_are_silent_in_mono_but_have_loudness() -> None:
    y = music(0, 3)
    found = extract([np.stack((y, -y), axis=1)], SR)
    assert found.arrays["summary/silence_rate"] == 1
    assert found.columns["key"] is None
    assert isinstance(found.columns["loudness_lufs"], float)


def test_mono_as_stereo_is_described_as_mono() -> None:
    y = music(0, 3)
    mono, both = extract([y[:, None]], SR), extract([np.stack((y, y), axis=1)], SR)
    assert bits(mono)["segments/mfcc"] == bits(both)["segments/mfcc"]
    assert both.columns["loudness_lufs"] == pytest.approx(mono.columns["loudness_lufs"] + 3.01, abs=0.01)  # type: ignore[operator]


def test_short_audio_has_one_segment_and_a_remainder_joins_the_last() -> None:
    def n_segments(seconds: float) -> int:
        y = noise(0, seconds)[:, None]
        return len(extract([y], SR, paths=["segments/rms"]).arrays["segments/rms"])

    assert [n_segments(s) for s in (0.006, 0.9, 1.4, 1.6, 3.0, 3.4)] == [1, 1, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "no audio"),
        ([np.zeros((0, 1), np.float32)], "5 ms"),
        ([np.zeros((109, 1), np.float32)], "5 ms"),
        ([np.zeros(500, np.float32)], "shape"),
        ([np.zeros((500, 2), np.float32), np.zeros((500, 1), np.float32)], "2 channels"),
        ([np.zeros((500, 2), np.float32), np.zeros((500, 2), np.int16)], "float32, not int16"),
    ],
)
def test_what_cannot_be_described_is_refused(blocks: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        extract(blocks, SR)


def test_an_unknown_array_is_refused() -> None:
    with pytest.raises(InputError, match="summary/mfcc"):
        Extractor(SR, 1, paths=["summary/mfccs"])


def test_frames_computed_at_once_change_nothing_but_rounding() -> None:
    y = [stereo(4, SR)]
    few, many = (extract(y, SR, paths=EVERYTHING, config=ExtractConfig(block_frames=n)).arrays for n in (16, 512))
    for path, array in few.items():
        np.testing.assert_allclose(array, many[path], rtol=1e-3, atol=1e-3, err_msg=path)


_DIGEST = """
import hashlib, numpy as np
from workbench.features import extract
y = np.random.default_rng(0).standard_normal((150000, 2)).astype(np.float32) * 0.1
digest = hashlib.sha256()
for array in extract([y], 44100).arrays.values():
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_two_processes_give_the_same_bits() -> None:
    y = np.random.default_rng(0).standard_normal((150000, 2)).astype(np.float32) * 0.1
    digest = hashlib.sha256()
    for array in extract([y], 44100).arrays.values():
        digest.update(array.tobytes())
    other = subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest.hexdigest()


def test_memory_does_not_grow_with_the_length_of_the_audio() -> None:
    second = noise(0, 1)[:, None]

    def peak(seconds: int) -> int:
        tracemalloc.start()
        extract((second for _ in range(seconds)), SR, paths=paths)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    paths = [s.path for s in specs(descriptors="full")]
    extract([second], SR, paths=paths)  # filter banks are made once and kept
    short, long = peak(70), peak(280)
    # What may grow is curves and segments, some megabytes an hour.
    assert long < short + 1e6
    assert short < 40e6


def test_statistics_by_energy_are_those_of_the_stored_frames() -> None:
    """Of music with a pause, so that it matters."""
    y = np.concatenate((stereo(2, SR), np.zeros((SR, 2), np.float32), 0.2 * stereo(1, SR)))
    names = [*WEIGHTED.values(), "rms"]
    frames = extract([y], SR, paths=[f"frames/{name}" for name in names]).arrays
    found = extract([y], SR, paths=[f"summary/{name}" for name in WEIGHTED]).arrays
    energy = frames["frames/rms"].astype(float) ** 2
    for name, of in WEIGHTED.items():
        x = frames[f"frames/{of}"].astype(float)
        mean = np.average(x, weights=energy, axis=0)
        std = np.sqrt(np.average((x - mean) ** 2, weights=energy, axis=0))
        np.testing.assert_allclose(found[f"summary/{name}"], [mean, std], rtol=1e-4, atol=1e-6, err_msg=name)
        assert spec(f"summary/{name}").coords["weighted_statistic"] == WEIGHTED_STATISTICS


def test_a_block_is_let_go_before_the_next_is_decoded() -> None:
    former: list[weakref.ref[np.ndarray]] = []

    def decoder() -> Iterator[np.ndarray]:
        for _ in range(3):
            assert all(block() is None for block in former)
            block = noise(1, 262144 / SR).reshape(131072, 2).copy()  # as many as are analyzed at once
            former.append(weakref.ref(block))
            yield block
            del block

    extract(decoder(), SR, paths=["summary/rms", "summary/loudness"])
    assert len(former) == 3
