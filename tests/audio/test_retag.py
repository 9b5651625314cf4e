"""Tags are written so that the audio stays the same to the bit, or nothing is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.audio import retag as module
from workbench.audio.probe import probe
from workbench.audio.retag import retag
from workbench.audio.tags import read_tags

VALUES: dict[str, str | None] = {"bpm": "128", "key": "F#m", "mood": "calm"}
KINDS = ("wav", "flac", "ogg", "mp3", "aiff", "opus")


@pytest.fixture(params=KINDS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A short file of each kind, with a title."""
    path = tmp_path / f"song.{request.param}"
    sr = 48000 if request.param == "opus" else 44100
    y = 0.1 * np.sin(np.arange(sr) / 20).astype(np.float32)
    if request.param == "opus":
        soundfile.write(path, y, sr, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, y, sr)
    return path


def title(path: Path, text: str) -> None:
    """Give a file a title in the way of its kind."""
    kind = probe(str(path)).format
    opened = module._open(str(path), kind)
    if opened.tags is None:
        opened.add_tags()
    if kind in ("mp3", "wav", "aiff"):
        from mutagen.id3 import TIT2

        opened.tags.add(TIT2(encoding=3, text=text))
    else:
        opened.tags["title"] = [text]
    opened.save()


def test_tags_are_shown_then_written_then_the_same(file: Path) -> None:
    title(file, "Blue")
    os.chmod(file, 0o640)
    before, track = file.read_bytes(), probe(str(file)).content_id
    dry = retag(str(file), track, VALUES)
    assert (dry.state, dry.tags["bpm"]) == ("would change", (None, "128"))
    assert file.read_bytes() == before

    done = retag(str(file), track, VALUES, apply=True)
    assert (done.state, done.tags, done.detail) == ("changed", dry.tags, None)
    assert probe(str(file)).content_id == track
    assert read_tags(str(file)).title == "Blue"
    assert module._read(str(file), probe(str(file)).format) == VALUES
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert retag(str(file), track, VALUES, apply=True).state == "same"

    again = retag(str(file), track, {"bpm": "64", "key": None, "mood": None}, apply=True)
    assert again.tags == {"bpm": ("128", "64")}
    assert module._read(str(file), probe(str(file)).format) == {**VALUES, "bpm": "64"}


def test_mp4_tags(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    track = probe(str(path)).content_id
    assert retag(str(path), track, VALUES, apply=True).state == "changed"
    assert probe(str(path)).content_id == track
    assert retag(str(path), track, VALUES, apply=True).state == "same"


def test_id3_of_version_2_3_stays_so(tmp_path: Path) -> None:
    from mutagen import id3

    path = tmp_path / "song.mp3"
    soundfile.write(path, np.zeros(44100, dtype=np.float32), 44100)
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=3, text="Blue"))
    tags.save(path, v2_version=3)
    assert retag(str(path), probe(str(path)).content_id, VALUES, apply=True).state == "changed"
    assert id3.ID3(path).version == (2, 3, 0)
    assert str(id3.ID3(path)["TXXX:MOOD"]) == "calm"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "song.flac", tmp_path / "link.flac"
    soundfile.write(path, np.zeros(4410, dtype=np.float32), 44100)
    link.symlink_to(path)
    assert retag(str(link), probe(str(path)).content_id, VALUES, apply=True).state == "changed"
    assert link.is_symlink()
    assert retag(str(path), probe(str(path)).content_id, VALUES).state == "same"


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    path = tmp_path / "song.flac"
    soundfile.write(path, np.zeros(4410, dtype=np.float32), 44100)
    return path


def unharmed(path: Path, said: str, track: str | None = None) -> None:
    before = path.read_bytes()
    result = retag(str(path), track or probe(str(path)).content_id, VALUES, apply=True)
    assert result.state == "failed"
    assert said in (result.detail or "")
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_other_audio_is_left_alone(flac: Path) -> None:
    unharmed(flac, "not what was analyzed", "0" * 32)


def test_a_format_without_writer_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "song.caf"
    soundfile.write(path, np.zeros(4410, dtype=np.float32), 44100, format="CAF")
    unharmed(path, "tags of caf files are not written")


def test_what_would_change_the_audio_is_not_done(flac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(path: str, kind: str, wanted: object) -> None:
        soundfile.write(path, np.ones(4410, dtype=np.float32) / 2, 44100)

    monkeypatch.setattr(module, "_write", spoil)
    unharmed(flac, "would change its audio")


def test_what_does_not_read_back_is_not_done(flac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_write", lambda *given: None)
    unharmed(flac, "do not read back")


def test_a_file_that_changes_meanwhile_is_left_alone(flac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = module._write

    def slow(path: str, kind: str, wanted: dict[str, str]) -> None:
        write(path, kind, wanted)
        os.utime(flac, ns=(1, 1))

    monkeypatch.setattr(module, "_write", slow)
    unharmed(flac, "changed in the meantime")


def test_an_error_of_the_tag_library_concerns_this_file_only(flac: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr(module, "_write", fail)
    unharmed(flac, "IndexError: list index out of range")


def test_a_file_that_is_gone(flac: Path) -> None:
    track = probe(str(flac)).content_id
    shutil.move(flac, flac.with_name("elsewhere.flac"))
    assert retag(str(flac), track, VALUES, apply=True).state == "failed"
