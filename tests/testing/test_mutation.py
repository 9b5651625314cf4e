"""The mutator and the file that grows."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from workbench.testing import encode, growing_file, mutate, simulate_track
from workbench.testing.mutation import _MUTATORS


@given(st.binary(max_size=2000), st.integers(0, 2**32 - 1))
def test_a_mutation_is_repeatable_and_leaves_its_input(data, seed):
    before = bytes(data)
    first, again = (mutate(data, np.random.default_rng(seed)) for _ in range(2))
    assert first == again
    assert data == before
    assert len(first) <= len(data) + 4 * 16384


@pytest.mark.parametrize("mutator", _MUTATORS)
@pytest.mark.parametrize("size", [1, 3, 9, 300, 50_000])
def test_each_way_works_at_every_size(mutator, size):
    data = bytes(range(256)) * (size // 256 + 1)
    results = {bytes(mutator(bytearray(data[:size]), np.random.default_rng(seed))) for seed in range(20)}
    assert results != {data[:size]} or size < 9


def test_most_mutations_change_the_file_and_many_remain_readable():
    data = encode(simulate_track(0, duration=1, sr=8000).y, 8000, "wav")
    rng = np.random.default_rng(1)
    mutants = [mutate(data, rng) for _ in range(200)]
    assert sum(mutant != data for mutant in mutants) > 190
    assert len(set(mutants)) > 190


def test_a_growing_file_grows_until_the_block_ends(tmp_path):
    with growing_file(tmp_path / "take.wav", seconds=0.2, interval_s=0.001) as path:
        before = os.stat(path).st_size
        deadline = time.monotonic() + 5
        while os.stat(path).st_size == before and time.monotonic() < deadline:
            time.sleep(0.005)
        assert os.stat(path).st_size > before
        assert soundfile.info(path).frames >= 0.2 * 44100
    after = os.stat(path).st_size
    time.sleep(0.02)
    assert os.stat(path).st_size == after


def test_a_growing_file_never_overwrites(tmp_path):
    (tmp_path / "mine.wav").write_bytes(b"mine")
    with pytest.raises(FileExistsError), growing_file(tmp_path / "mine.wav"):
        pass
    assert (tmp_path / "mine.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
def test_encoding_is_repeatable_and_keeps_the_sound(format, tmp_path):
    y, sr, _ = simulate_track(1, duration=2.5)
    first, again = (encode(y, sr, format, tags={"title": "Again", "tracknumber": "7"}) for _ in range(2))
    assert first == again
    (tmp_path / "file").write_bytes(first)
    decoded, rate = soundfile.read(tmp_path / "file", dtype="float32")
    assert (rate, decoded.shape) == (sr, y.shape)
    lossless = format in {"wav", "flac"}
    assert np.corrcoef(decoded[:, 0], y[:, 0])[0, 1] > (0.99999 if lossless else 0.99)
