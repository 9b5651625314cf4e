"""Hostile files: there are enough, they are what they say, and their expectations hold for a plain reader."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.errors import InputError, Reason
from workbench.testing import HOSTILE_KINDS, hostile_files
from workbench.testing.hostile.craft import crc, silent_flac, synchsafe
from workbench.testing.hostile.registry import kind


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return hostile_files(tmp_path_factory.mktemp("hostile") / "files")


def read(path: str, limit_s: float = 14 * 3600) -> Reason | None:
    """Read a file as a careful program would: the reason why it cannot be used, or None."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return Reason.MISSING
    except OSError:
        return Reason.SYMLINK_LOOP
    if not stat.S_ISREG(status.st_mode):
        return Reason.NOT_A_FILE
    if not status.st_size:
        return Reason.EMPTY
    n_frames = 0
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            if not 1000 <= file.samplerate <= 768_000:
                return Reason.BAD_SAMPLE_RATE
            if file.channels > 64:
                return Reason.TOO_MANY_CHANNELS
            shortest = 0.005 * file.samplerate
            while len(block := file.read(2048, dtype="float32", always_2d=True)):
                if not np.isfinite(block).all():
                    return Reason.NOT_FINITE
                n_frames += len(block)
                if n_frames > limit_s * file.samplerate:
                    return Reason.TOO_LONG
    except PermissionError:
        return Reason.PERMISSION_DENIED
    except soundfile.LibsndfileError:
        if not n_frames:
            return Reason.NOT_AUDIO
    return Reason.TOO_SHORT if n_frames < shortest else None


def test_there_are_many_kinds_each_with_a_sentence(made):
    assert len(made) == len(HOSTILE_KINDS) >= 45
    assert len({file.path for file in made}) == len(made)
    for file in made:
        assert file.sentence.endswith(".")
        assert bool(file.reasons) == (file.expectation != "analyzed")
        assert os.path.lexists(file.path)
        assert os.path.isabs(file.path)


def test_expectations_hold_for_a_plain_reader(made):
    wrong = {}
    for file in made:
        if HOSTILE_KINDS[file.kind].slow:
            continue
        reason = read(file.path)
        if (reason is None and file.expectation == "failed") or (reason is not None and reason not in file.reasons):
            wrong[file.kind] = reason
    assert wrong == {}


def test_what_can_be_analyzed_holds_no_duplicates(made):
    regular = [f.path for f in made if f.expectation == "analyzed" and not HOSTILE_KINDS[f.kind].slow]
    digest = [hashlib.sha256(Path(path).read_bytes()).digest() for path in regular]
    assert len(set(digest)) == len(digest)


def test_they_take_little_room(made):
    blocks = sum(os.lstat(file.path).st_blocks * 512 for file in made)
    assert blocks < 60 * 2**20
    sizes = {file.kind: os.lstat(file.path).st_size for file in made}
    assert sizes["sparse-rf64-5-gib"] > 5 * 2**30
    assert sizes["silence-bomb"] < 200_000


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    chosen = [name for name, entry in HOSTILE_KINDS.items() if entry.group == "formats" or name.startswith("mp3")]
    first, again = (hostile_files(tmp_path / name, kinds=chosen) for name in "ab")
    for one, other in zip(first, again, strict=True):
        assert Path(one.path).read_bytes() == Path(other.path).read_bytes(), one.kind
    alone = hostile_files(tmp_path / "c", kinds=["mp3-flipped-body"])[0]
    same = next(file for file in first if file.kind == "mp3-flipped-body")
    assert Path(alone.path).read_bytes() == Path(same.path).read_bytes()


def test_slow_kinds_can_be_left_out(tmp_path):
    assert hostile_files(tmp_path, slow=False, kinds=["silence-bomb", "empty"])[0].kind == "empty"


def test_a_folder_with_files_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not an empty folder"):
        hostile_files(tmp_path)


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match="werewolf"):
        hostile_files(tmp_path, kinds=["werewolf"])


def test_a_kind_that_the_system_cannot_hold_is_left_out_and_other_errors_are_raised(tmp_path):
    from errno import EILSEQ, EIO

    def failing(code):
        def make(workshop):
            raise OSError(code, os.strerror(code))

        return make

    try:
        for name, code in (("test-impossible", EILSEQ), ("test-broken", EIO)):
            kind(name, "A test.", "analyzed")(failing(code))
        assert hostile_files(tmp_path / "a", kinds=["test-impossible"]) == []
        with pytest.raises(OSError, match=os.strerror(EIO)):
            hostile_files(tmp_path / "b", kinds=["test-broken"])
        with pytest.raises(ValueError, match="twice"):
            kind("test-broken", "A test.", "analyzed")(failing(EIO))
    finally:
        del HOSTILE_KINDS["test-impossible"], HOSTILE_KINDS["test-broken"]


def test_a_kind_that_may_fail_must_say_why():
    with pytest.raises(ValueError, match="reasons"):
        kind("test", "A test.", "failed")
    with pytest.raises(ValueError, match="reasons"):
        kind("test", "A test.", "analyzed", {Reason.EMPTY})


def test_hand_made_flac_is_valid_flac(tmp_path):
    path = tmp_path / "silence.flac"
    path.write_bytes(silent_flac(200))
    y, sr = soundfile.read(path)
    assert (y.shape, sr) == ((200 * 65535,), 44100)
    assert not y.any()


def test_checksums_and_sizes():
    assert crc(b"123456789", 0x07, 8) == 0xF4  # the catalogue's check value of CRC-8/SMBUS
    assert crc(b"123456789", 0x8005, 16) == 0xFEE8  # and of CRC-16/UMTS
    assert synchsafe(2**28 - 1) == b"\x7f\x7f\x7f\x7f"
