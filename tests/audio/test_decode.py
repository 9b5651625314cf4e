from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.audio import Limits, load, open_audio
from workbench.config import Settings
from workbench.errors import AudioError, Reason

ENCODINGS = [
    ("a.wav", "PCM_16"),
    ("a.wav", "PCM_24"),
    ("a.wav", "PCM_U8"),
    ("a.wav", "FLOAT"),
    ("a.wav", "DOUBLE"),
    ("a.wav", "ULAW"),
    ("a.wav", "IMA_ADPCM"),
    ("a.wav", "MS_ADPCM"),
    ("a.rf64", "PCM_16"),
    ("a.w64", "PCM_24"),
    ("a.aiff", "PCM_16"),
    ("a.aiff", "FLOAT"),
    ("a.caf", "PCM_16"),
    ("a.caf", "ALAC_24"),
    ("a.au", "PCM_16"),
    ("a.flac", "PCM_16"),
    ("a.flac", "PCM_24"),
    ("a.ogg", "VORBIS"),
    ("a.mp3", "MPEG_LAYER_III"),
]

DEFAULT = Limits()


def decoded(path: str, limits: Limits = DEFAULT) -> tuple[np.ndarray, frozenset[str], int | None]:
    """All samples, the flags and the length declared, with each block held to its contract."""
    with open_audio(path, limits) as stream:
        blocks = []
        for block in stream.blocks():
            assert block.dtype == np.float32
            assert block.flags.c_contiguous
            assert block.shape[1] == stream.channels
            assert 0 < block.nbytes <= 8 << 20
            assert len(block) <= 4 * stream.sample_rate
            assert np.isfinite(block).all()
            blocks.append(block)
        y = np.concatenate(blocks)
        assert len(y) == stream.decoded_frames
        return y, stream.flags, stream.declared_frames


def reason_of(path: str, limits: Limits = DEFAULT) -> tuple[Reason, str]:
    with pytest.raises(AudioError) as caught:
        decoded(path, limits)
    assert caught.value.path == path
    return caught.value.reason, caught.value.detail


def patched(path: str, at: int, data: bytes) -> str:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)
    return path


# --- what is decoded ---


@pytest.mark.parametrize(("name", "subtype"), ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_those_of_libsndfile(
    write: Callable[..., str], tone: Callable[..., np.ndarray], name: str, subtype: str, channels: int
) -> None:
    path = write(name, tone(channels=channels), subtype=subtype)
    y, flags, declared = decoded(path)
    expected, sr = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6 if name == "a.mp3" else 0)  # it seeks, which mpg123 feels
    assert flags == frozenset()
    assert declared == len(expected)
    with open_audio(path) as stream:
        assert (stream.sample_rate, stream.channels, stream.codec) == (sr, channels, subtype.lower())
        assert (stream.format, stream.path) == (name[2:], path)


@pytest.mark.parametrize("sr", [8000, 11025, 16000, 32000, 44100, 48000, 96000, 192000])
def test_sample_rates_from_8_to_192_khz(write: Callable[..., str], tone: Callable[..., np.ndarray], sr: int) -> None:
    y, _, _ = decoded(write("a.flac", tone(0.3, 1, sr), sr))
    assert len(y) == round(0.3 * sr)


def test_opus_is_decoded(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    y, flags, declared = decoded(write("a.opus", tone(sr=48000), 48000, format="OGG", subtype="OPUS"))
    assert (len(y), flags, declared) == (28800, frozenset(), 28800)


@pytest.mark.parametrize("channels", [3, 6, 8, 64])
def test_many_channels(write: Callable[..., str], tone: Callable[..., np.ndarray], channels: int) -> None:
    expected = tone(channels=channels)
    y, _, _ = decoded(write("a.wav", expected, subtype="FLOAT"))
    np.testing.assert_array_equal(y, expected)


def test_blocks_join_without_a_seam(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    expected = tone(20, 2, 44100)
    path = write("a.wav", expected, 44100, subtype="FLOAT")
    with open_audio(path) as stream:
        sizes = [len(block) for block in stream.blocks()]
    assert len(sizes) > 5
    assert len(set(sizes[:-1])) == 1
    np.testing.assert_array_equal(decoded(path)[0], expected)


def test_ten_milliseconds_and_one_sample(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    assert len(decoded(write("a.wav", tone(0.01, 1)))[0]) == 220
    assert len(decoded(write("b.flac", np.zeros((1, 1), dtype=np.float32)))[0]) == 1


def test_a_wrong_extension_does_not_matter(write: Callable[..., str]) -> None:
    path = write("a.flac")
    lying = path.replace(".flac", ".raw.wav")
    os.rename(path, lying)
    assert decoded(lying)[1] == frozenset()


def test_a_name_need_not_be_unicode(tmp_path: Path, write: Callable[..., str]) -> None:
    for name in ("a.flac", "a.mp3"):
        other = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9-" + name.encode())
        try:
            os.rename(write(name), other)
        except OSError:  # macOS refuses names that are not UTF-8
            pytest.skip("this file system takes no such name; run on Linux")
        assert len(decoded(other)[0]) == 13230


def test_bw64_is_rf64_by_another_name(write: Callable[..., str]) -> None:
    path = write("a.wav", format="RF64")
    expected = decoded(path)[0]
    np.testing.assert_array_equal(decoded(patched(path, 0, b"BW64"))[0], expected)


# --- what is refused ---


@pytest.mark.parametrize("content", [b"these are only words " * 50, bytes(5000), b"\xff\xfb\x90\x64" + b"x" * 2000])
def test_what_is_no_audio_is_called_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "song.mp3").write_bytes(content)
    assert reason_of(str(tmp_path / "song.mp3"))[0] is Reason.NOT_AUDIO


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    begun = time.monotonic()
    assert reason_of(str(tmp_path / "a.wav"))[0] is Reason.NOT_A_FILE
    assert time.monotonic() - begun < 1


def test_no_frames_are_no_audio(write: Callable[..., str]) -> None:
    assert reason_of(write("a.wav", np.zeros((0, 1), dtype=np.float32)))[0] is Reason.NO_AUDIO


@pytest.mark.parametrize(("name", "at"), [("a.flac", 8), ("a.flac", 4), ("a.wav", 12), ("a.ogg", 30), ("a.caf", 12)])
def test_a_broken_header_is_corrupt(write: Callable[..., str], name: str, at: int) -> None:
    reason, detail = reason_of(patched(write(name), at, b"\xfe" * 30))
    assert reason in (Reason.CORRUPT, Reason.NOT_AUDIO, Reason.BAD_SAMPLE_RATE)
    assert detail or reason is Reason.NOT_AUDIO


def test_nan_and_infinity_are_refused(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        y = tone(10, 1)
        y[200_000] = bad
        reason, detail = reason_of(write("a.wav", y, subtype="FLOAT"))
        assert reason is Reason.NOT_FINITE
        assert detail.startswith("before ")


def test_limits(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    path = write("a.wav", tone(3, 2))
    assert reason_of(path, Limits(max_channels=1))[0] is Reason.TOO_MANY_CHANNELS
    assert reason_of(path, Limits(max_duration_s=2.9))[0] is Reason.TOO_LONG
    assert reason_of(path, Limits(max_decoded_bytes=500_000))[0] is Reason.TOO_LARGE
    assert reason_of(path, Limits(deadline_s=0))[0] is Reason.TIMEOUT
    assert len(decoded(path, Limits(max_duration_s=3, max_decoded_bytes=3 * 22050 * 8, max_channels=2))[0]) == 66150


def test_the_deadline_counts_from_opening_to_the_last_block(
    write: Callable[..., str], tone: Callable[..., np.ndarray]
) -> None:
    with open_audio(write("a.wav", tone(10, 1)), Limits(deadline_s=0.3)) as stream:
        blocks = stream.blocks()
        next(blocks)
        time.sleep(0.4)
        with pytest.raises(AudioError) as caught:
            next(blocks)
    assert caught.value.reason is Reason.TIMEOUT


@pytest.mark.parametrize("sr", [0, 7, 999, 800_000])
def test_absurd_sample_rates_are_refused(write: Callable[..., str], sr: int) -> None:
    reason, _ = reason_of(patched(write("a.wav"), 24, sr.to_bytes(4, "little")))
    assert reason in (Reason.BAD_SAMPLE_RATE, Reason.CORRUPT)


def test_the_defaults_are_those_of_the_settings() -> None:
    settings, limits = Settings(), Limits()
    assert limits.max_duration_s == settings.max_duration_s
    assert limits.max_decoded_bytes == settings.max_decoded_bytes
    assert limits.max_channels == settings.max_channels
    assert limits.deadline_s == settings.file_deadline_s


# --- headers that lie ---


def test_a_wav_that_claims_more_than_it_has_is_used_and_flagged(write: Callable[..., str]) -> None:
    path = write("a.wav", subtype="PCM_16")
    y, flags, declared = decoded(patched(path, 40, (10**9).to_bytes(4, "little")))
    assert (len(y), flags, declared) == (13230, {"length_differs"}, 250_000_000)


def test_a_wav_that_was_never_finished_claims_nothing(write: Callable[..., str]) -> None:
    path = patched(write("a.wav", subtype="PCM_16"), 40, b"\xff" * 4)
    assert decoded(path)[1:] == (frozenset(), None)


@pytest.mark.parametrize("total", [0, 100_000_000, 2**36 - 1])
def test_flac_with_a_wrong_length(write: Callable[..., str], total: int) -> None:
    path = write("a.flac")
    head = Path(path).read_bytes()[18:26]
    field = (int.from_bytes(head, "big") >> 36 << 36 | total).to_bytes(8, "big")
    y, flags, declared = decoded(patched(path, 18, field))
    assert len(y) == 13230
    assert declared == (total or None)
    assert flags == ({"length_differs"} if total else frozenset())


def test_flac_that_claims_too_little_is_flagged(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    path = write("a.flac", tone(20))
    head = Path(path).read_bytes()[18:26]
    field = (int.from_bytes(head, "big") >> 36 << 36 | 1000).to_bytes(8, "big")
    y, flags, _ = decoded(patched(path, 18, field))
    assert len(y) == 1000  # libsndfile goes no further
    assert flags == {"length_differs"}


def test_a_sparse_file_of_five_gigabytes_is_decoded_at_constant_memory(write: Callable[..., str]) -> None:
    path = write("a.wav", format="RF64", subtype="PCM_U8")
    data = Path(path).read_bytes().index(b"data") + 8
    size = 5 << 30
    patched(path, 28, (size).to_bytes(8, "little"))
    os.truncate(path, data + size)
    tracemalloc.start()
    with pytest.raises(AudioError) as caught, open_audio(path, Limits(max_duration_s=1200)) as stream:
        for _ in stream.blocks():
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason is Reason.TOO_LONG
    assert peak < 8 << 20


def test_an_hour_takes_no_more_memory_than_a_block(tmp_path: Path) -> None:
    path = str(tmp_path / "a.flac")
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8000, dtype=np.float32))
    tracemalloc.start()
    with open_audio(path) as stream:
        assert sum(map(len, stream.blocks())) == 3600 * 8000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20  # of 110 MiB


# --- damage ---


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.flac", "a.ogg", "a.mp3"])
def test_a_truncated_file_gives_what_it_has(
    write: Callable[..., str], tone: Callable[..., np.ndarray], name: str
) -> None:
    path = write(name, tone(6))
    whole = decoded(path)[0]
    os.truncate(path, os.path.getsize(path) // 2)
    y, flags, _ = decoded(path)
    assert 0.35 * len(whole) < len(y) < 0.65 * len(whole)
    same = len(y) - 8192
    np.testing.assert_allclose(y[:same], whole[:same], atol=1e-4)
    assert "length_differs" in flags or name in ("a.ogg", "a.au")  # these carry their length at the end, or nowhere


def test_a_flipped_bit_costs_a_flac_file_one_frame(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    path = write("a.flac", tone(30))
    whole = decoded(path)[0]
    data = bytearray(Path(path).read_bytes())
    for place in (0.1, 0.5, 0.9):
        data[int(place * len(data))] ^= 0x10
    Path(path).write_bytes(data)
    y, flags, _ = decoded(path)
    assert flags >= {"decode_error"}
    assert len(whole) - 3 * 3 * 4096 < len(y) < len(whole)
    np.testing.assert_array_equal(y[-20_000:], whole[-20_000:])


def test_junk_behind_a_flac_file_is_no_damage(write: Callable[..., str]) -> None:
    path = write("a.flac")
    with open(path, "ab") as file:
        file.write(b"some junk that no tag reader knows")
    assert decoded(path)[1] == frozenset()


@pytest.mark.parametrize("junk", [bytes(20_000), b"junk " * 1000], ids=["zeros", "text"])
def test_damage_inside_an_mp3_costs_only_what_it_covers(
    write: Callable[..., str], tone: Callable[..., np.ndarray], junk: bytes
) -> None:
    path = write("a.mp3", tone(30), bitrate_mode="CONSTANT")
    whole = decoded(path)[0]
    size = os.path.getsize(path)
    y, flags, _ = decoded(patched(path, size // 2, junk))
    assert flags >= {"decode_error"}
    assert len(y) > (1 - len(junk) / size) * len(whole) - 10 * 576
    half = len(whole) // 2 - 10 * 576
    np.testing.assert_allclose(y[:half], whole[:half], atol=1e-6)


def test_zeros_behind_an_mp3_are_no_damage(write: Callable[..., str]) -> None:
    path = write("a.mp3")
    whole = decoded(path)[0]
    with open(path, "ab") as file:
        file.write(bytes(1_000_000))
    y, flags, _ = decoded(path)
    np.testing.assert_array_equal(y, whole)
    assert flags == frozenset()


def test_broken_metadata_do_not_cost_the_audio_of_a_flac_file(write: Callable[..., str]) -> None:
    path = write("a.flac")
    whole = decoded(path)[0]
    data = Path(path).read_bytes()
    picture = b"\0\0\0\3" + b"\xff\xff\xff\xf0" + bytes(40)  # a text of 4 GiB
    Path(path).write_bytes(data[:42] + b"\x06\0\0\x30" + picture + data[42:])
    y, flags, _ = decoded(path)
    np.testing.assert_array_equal(y, whole)
    assert flags == frozenset()


def test_a_hole_in_an_ogg_file(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    path = write("a.ogg", tone(20), subtype="VORBIS")
    whole = len(decoded(path)[0])
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) // 3] + data[len(data) // 2 :])
    y, flags, _ = decoded(path)
    assert 0.6 * whole < len(y) < whole
    assert flags == {"length_differs"}


def test_a_second_stream_behind_an_ogg_file_is_noticed(
    write: Callable[..., str], tone: Callable[..., np.ndarray]
) -> None:
    first = write("a.opus", tone(20, sr=24000), 24000, format="OGG", subtype="OPUS")
    with open(first, "ab") as file:
        file.write(Path(first).read_bytes())
    assert decoded(first)[1] == {"length_differs"}


# --- MP3 without, or with a wrong, count of its frames ---


def without_xing(path: str) -> str:
    data = Path(path).read_bytes()
    table = max(data.find(b"Xing"), data.find(b"Info"))
    assert table > 0
    second = data.index(data[:2], table)
    Path(path).write_bytes(data[second:])
    return path


@pytest.mark.parametrize("loud_first", [True, False])
def test_a_variable_bit_rate_without_a_frame_count_is_decoded_whole(
    write: Callable[..., str], tone: Callable[..., np.ndarray], loud_first: bool
) -> None:
    loud = np.random.default_rng(0).uniform(-0.5, 0.5, (22050 * 4, 2)).astype(np.float32)
    parts = [loud, tone(20)] if loud_first else [tone(20), loud]
    path = write("a.mp3", np.concatenate(parts), bitrate_mode="VARIABLE", compression_level=0.3)
    whole = len(decoded(path)[0])
    y, flags, declared = decoded(without_xing(path))
    assert len(y) == pytest.approx(whole, abs=2500)  # with the count goes the note of the encoder's delay
    assert (flags, declared) == (frozenset(), None)


def test_tags_and_junk_around_an_mp3_change_nothing(write: Callable[..., str]) -> None:
    path = write("a.mp3")
    whole, _, declared = decoded(path)
    tag = b"ID3\x03\x00\x00\x00\x07\x00\x00" + bytes(7 << 14 >> 7 << 7)
    data = Path(path).read_bytes()
    Path(path).write_bytes(
        tag[: 10 + (7 << 14)] + bytes(10 + (7 << 14) - len(tag)) + bytes(700) + data + b"TAG" + bytes(125)
    )
    y, flags, same = decoded(path)
    np.testing.assert_array_equal(y, whole)
    assert (flags, same) == (frozenset(), declared)


def test_two_mp3_files_in_one_are_decoded_and_flagged(
    write: Callable[..., str], tone: Callable[..., np.ndarray]
) -> None:
    path = write("a.mp3", tone(5))
    one = len(decoded(path)[0])
    with open(path, "ab") as file:
        file.write(Path(path).read_bytes())
    y, flags, declared = decoded(path)
    assert len(y) > 2 * one
    assert flags == {"length_differs"}
    assert declared == pytest.approx(one, rel=0.05)


# --- anything at all ---


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short file of each encoding, named by its number."""
    folder = tmp_path_factory.mktemp("originals")
    y = np.random.default_rng(3).normal(scale=0.1, size=(4000, 2)).astype(np.float32)
    for number, (name, subtype) in enumerate(ENCODINGS):
        soundfile.write(folder / str(number), y, 22050, format=name[2:], subtype=subtype)
    return folder


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    which=st.integers(0, len(ENCODINGS) - 1),
    cut=st.floats(0.01, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    header=st.lists(st.tuples(st.integers(0, 100), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), max_size=6),
)
def test_a_mutated_file_is_decoded_or_refused_with_a_reason(
    originals: Path,
    which: int,
    cut: float,
    flips: list[tuple[float, int]],
    header: list[tuple[int, int]],
) -> None:
    content = (originals / str(which)).read_bytes()
    data = bytearray(content[: max(1, int(cut * len(content)))])
    for place, value in flips:
        data[int(place * len(data))] = value
    for at, value in header:
        if at < len(data):
            data[at] = value
    path = originals / "mutated"
    path.write_bytes(data)
    try:
        decoded(str(path), Limits(max_duration_s=600, deadline_s=20))
    except AudioError as error:
        reason = error.reason
    else:
        return
    assert reason in {
        *(Reason.NOT_AUDIO, Reason.CORRUPT, Reason.NO_AUDIO, Reason.NOT_FINITE),
        *(Reason.BAD_SAMPLE_RATE, Reason.TOO_MANY_CHANNELS, Reason.TOO_LONG),
    }


# --- load ---


def test_load_mixes_and_resamples(write: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    import soxr

    expected = tone(2, 2, 44100)
    path = write("a.wav", expected, 44100, subtype="FLOAT")
    y, sr = load(path)
    assert (y.shape, sr) == ((88200,), 44100)
    np.testing.assert_allclose(y, expected.mean(axis=1), atol=1e-6)
    y, sr = load(path, sr=22050, mono=False)
    assert (y.shape, sr) == ((2, 44100), 22050)
    np.testing.assert_allclose(y.T, soxr.resample(expected, 44100, 22050), atol=1e-6)
    assert load(write("b.wav", expected[:, :1], 44100), mono=False)[0].shape == (88200,)


def test_nothing_stays_open(write: Callable[..., str]) -> None:
    path = write("a.mp3")
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        with open_audio(path) as stream:
            next(stream.blocks())
        stream.close()
        with pytest.raises(AudioError):
            open_audio(path, Limits(max_channels=1))
    assert len(os.listdir("/dev/fd")) == before
