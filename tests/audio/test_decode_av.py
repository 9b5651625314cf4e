from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import workbench
from workbench.audio import Limits, load, open_audio
from workbench.errors import AudioError, Reason

LOSSY = [
    ("a.m4a", "aac", {}, "m4a", "aac"),
    ("a.aac", "aac", {}, "aac", "aac"),
    ("a.mka", "aac", {}, "matroska", "aac"),
    ("a.wma", "wmav2", {"options": {"b": "128k"}}, "wma", "wmav2"),
    ("a.wav", "ac3", {"sr": 44100}, "wav", "ac3"),
]
LOSSLESS = [
    ("a.m4a", "alac", {"fmt": "s16p"}, "m4a", "alac"),
    ("a.wv", "wavpack", {}, "wavpack", "wavpack"),
    ("a.tta", "tta", {"fmt": "s16"}, "tta", "tta"),
    ("a.oga", "flac", {"fmt": "s16"}, "oggflac", "flac"),
    ("a.mka", "pcm_u8", {"fmt": "u8"}, "matroska", "pcm_u8"),
    ("a.mka", "pcm_s32le", {"fmt": "s32"}, "matroska", "pcm_s32le"),
    ("a.mka", "pcm_f64le", {"fmt": "dbl"}, "matroska", "pcm_f64le"),
]


def decoded(path: str) -> tuple[np.ndarray, frozenset[str]]:
    with open_audio(path) as stream:
        blocks = list(stream.blocks())
        assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
        return np.concatenate(blocks), stream.flags


@pytest.mark.parametrize(("name", "codec", "options", "kind", "said"), LOSSLESS)
def test_lossless_codecs_give_the_samples_back(
    encode: Callable[..., str],
    tone: Callable[..., np.ndarray],
    name: str,
    codec: str,
    options: dict[str, object],
    kind: str,
    said: str,
) -> None:
    y = tone(1)
    path = encode(name, codec, y, **options)
    with open_audio(path) as stream:
        assert (stream.format, stream.codec, stream.sample_rate, stream.channels) == (kind, said, 22050, 2)
        assert stream.declared_frames in (None, 21504)
    found, flags = decoded(path)
    assert found.shape == (21504, 2)  # the last piece is shorter than a frame and not written
    np.testing.assert_allclose(found, y[:21504], atol=1 / 127 if codec == "pcm_u8" else 1e-4)
    assert flags == frozenset()


@pytest.mark.parametrize(("name", "codec", "options", "kind", "said"), LOSSY)
def test_lossy_codecs_give_something_near(
    encode: Callable[..., str],
    tone: Callable[..., np.ndarray],
    name: str,
    codec: str,
    options: dict[str, object],
    kind: str,
    said: str,
) -> None:
    sr = int(str(options.get("sr", 22050)))
    y = tone(3, 2, sr)
    path = encode(name, codec, y, **options)
    with open_audio(path) as stream:
        assert (stream.format, stream.codec, stream.sample_rate, stream.channels) == (kind, said, sr, 2)
    found, flags = decoded(path)
    assert len(found) == pytest.approx(len(y), abs=4096)
    spectrum = np.abs(np.fft.rfft(found[:, 0]))
    assert np.argmax(spectrum) / len(found) * sr == pytest.approx(220, abs=1)
    assert flags <= {"length_differs"}


def test_load_takes_these_too(encode: Callable[..., str]) -> None:
    y, sr = load(encode("a.m4a", "aac"), sr=8000)
    assert (sr, y.ndim) == (8000, 1)


def test_the_limits_hold(encode: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    path = encode("a.m4a", "aac", tone(5))
    for limits, reason in (
        (Limits(max_channels=1), Reason.TOO_MANY_CHANNELS),
        (Limits(max_duration_s=1), Reason.TOO_LONG),
        (Limits(deadline_s=0), Reason.TIMEOUT),
    ):
        with pytest.raises(AudioError) as caught, open_audio(path, limits) as stream:
            list(stream.blocks())
        assert caught.value.reason is reason


def test_damage_is_flagged(encode: Callable[..., str], tone: Callable[..., np.ndarray]) -> None:
    path = encode("a.aac", "aac", tone(10))
    data = bytearray(Path(path).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = b"\xff" * 200
    Path(path).write_bytes(data)
    y, flags = decoded(path)
    assert len(y) > 0.8 * 220_500
    assert flags >= {"decode_error"}


def test_doubles_beyond_all_measure_are_not_finite(encode: Callable[..., str]) -> None:
    path = encode("a.mka", "pcm_f64le", np.full((4096, 1), 1e300), fmt="dbl")
    with pytest.raises(AudioError) as caught:
        decoded(path)
    assert caught.value.reason is Reason.NOT_FINITE


def test_a_stream_without_one_good_packet_is_corrupt(
    encode: Callable[..., str], tone: Callable[..., np.ndarray]
) -> None:
    path = encode("a.m4a", "aac", tone(10))
    data = bytearray(Path(path).read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + len(data) * 3 // 4] = b"\xff" * (len(data) * 3 // 4)
    Path(path).write_bytes(data)
    with pytest.raises(AudioError) as caught:
        decoded(path)
    assert caught.value.reason is Reason.CORRUPT


def test_what_ffmpeg_refuses_is_corrupt(encode: Callable[..., str]) -> None:
    path = encode("a.m4a", "aac")
    os.truncate(path, os.path.getsize(path) // 2)  # the index of an M4A file is at its end
    with pytest.raises(AudioError) as caught:
        open_audio(path)
    assert (caught.value.reason, caught.value.detail) == (Reason.CORRUPT, "Invalid data found when processing input")


def test_a_film_without_sound_is_no_audio(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="decodes M4A and WMA; pip install 'audio-workbench[av]'")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError) as caught:
        open_audio(str(tmp_path / "a.mp4"))
    assert caught.value.reason is Reason.NO_AUDIO


def test_a_file_cannot_make_ffmpeg_open_another(tmp_path: Path, write: Callable[..., str]) -> None:
    other = write("other.wav")
    playlist = tmp_path / "a.m4a"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{other}\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioError) as caught:
        open_audio(str(playlist))
    assert caught.value.reason is Reason.NOT_AUDIO


@pytest.fixture
def without_pyav(tmp_path: Path) -> str:
    """A folder with every installed package but PyAV, and this one."""
    folder = tmp_path / "packages"
    folder.mkdir()
    installed = {Path(np.__file__).parents[1], Path(pytest.__file__).parents[1]}
    for package in (entry for place in installed for entry in place.iterdir()):
        if not package.name.lower().startswith(("av-", "av.", "av_")) and package.name != "av":
            target = folder / package.name
            if not target.exists():
                target.symlink_to(package)
    link = folder / "workbench"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(workbench.__file__).parent)
    return str(folder)


OPEN = """
import sys
sys.path.insert(0, sys.argv[1])
from workbench.audio import load, open_audio
from workbench.errors import AudioError
try:
    import av
except ImportError:
    print("no PyAV")
try:
    print(len(load(sys.argv[2])[0]))
except AudioError as error:
    print(error.reason.value, "|", error.detail, "|", error.remedy)
"""


def test_without_pyav_its_formats_ask_for_it(
    encode: Callable[..., str], write: Callable[..., str], python: Callable[..., str], without_pyav: str
) -> None:
    def say(path: str) -> list[str]:
        return python(OPEN, without_pyav, path, flags=("-S", "-E")).splitlines()

    none, said = say(encode("a.m4a", "aac"))
    assert none == "no PyAV"
    assert said.startswith("decoder_missing | m4a: No module named 'av' | Install the extra")
    assert say(write("b.flac"))[1] == "13230"
    rare = say(encode("c.wav", "ac3", sr=44100))[1]
    assert rare.startswith("corrupt | Error in WAV")
    assert "PyAV is not installed, which may know this encoding" in rare


def test_pyav_is_not_imported_before_it_is_needed(python: Callable[..., str], write: Callable[..., str]) -> None:
    code = (
        "import sys; from workbench.audio import load, probe\n"
        "load(sys.argv[1]); probe(sys.argv[1])\n"
        "print([name for name in ('av', 'scipy.fft', 'librosa', 'dask', 'zarr', 'sqlalchemy') if name in sys.modules])"
    )
    assert python(code, write("a.flac")) == "[]"


def test_a_codec_that_nobody_knows_is_corrupt(write: Callable[..., str]) -> None:
    pytest.importorskip("av", reason="decodes M4A and WMA; pip install 'audio-workbench[av]'")
    path = write("a.wav")
    with open(path, "r+b") as file:
        file.seek(20)
        file.write(b"\x99\x99")
    with pytest.raises(AudioError) as caught:
        open_audio(path)
    assert (caught.value.reason, caught.value.detail[:16]) == (Reason.CORRUPT, "Error in WAV/W64")


def test_a_change_of_the_sample_rate_ends_the_stream(
    encode: Callable[..., str], tone: Callable[..., np.ndarray]
) -> None:
    first, second = encode("a.aac", "aac", tone(2)), encode("b.aac", "aac", tone(2, sr=44100), sr=44100)
    with open(first, "ab") as file:
        file.write(Path(second).read_bytes())
    y, flags = decoded(first)
    assert len(y) == pytest.approx(44100, abs=3000)
    assert flags == {"decode_error"}


def test_tags_that_are_not_utf8_do_not_matter(encode: Callable[..., str]) -> None:
    from mutagen.mp4 import MP4

    path = encode("a.m4a", "aac")
    file = MP4(path)
    file["\xa9nam"] = "a title to be broken"
    file.save()
    data = Path(path).read_bytes()
    Path(path).write_bytes(data.replace(b"a title to be broken", b"\xff\xfe title \xe9\xe9 broken"))
    assert len(decoded(path)[0]) > 10_000
