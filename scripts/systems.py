"""What `benchmark.py`, `evaluate.py` and `retrieval.py` compare: each system as one process that is asked file by file.

    python scripts/systems.py timed essentia-key

A process serves one system: it imports it, says so with its version, then reads one JSON request per line
and answers each with one line. So imports, caches and thread settings of one system are none of another's,
and a peer may live in a Python of its own. Nothing but the standard library is imported before that.

- A request is ``{"path": …}``, or ``{"paths": […]}`` for a batch; the answer has the seconds of processor
  and wall time, the peak of memory so far, and what the system says of the file.
- What comes before the timed part (`System.prepare`) is decoding, for systems that take samples.
- A system that is not installed answers ``{"missing": why}``; a file that it cannot do, ``{"error": why}``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.schema import DescriptorSet

#: What a system says of a file: ``bpm``, ``key``, ``beats`` (seconds) and the confidence in them, or nothing.
Answer = dict[str, Any]
Run = Callable[[Any], Any]

APT_AUBIO = "apt-get install python3-aubio python3-soundfile, then --peers-python /usr/bin/python3"
PIP_ESSENTIA = "pip install essentia==2.1b6.dev1389"
PIP_OPENSMILE = "pip install opensmile"


class NotInstalledError(Exception):
    """The system is not there."""


@dataclass(frozen=True, slots=True)
class System:
    """Something that is timed or scored.

    Attributes
    ----------
    title : as tables show it
    package : the distribution whose version is told
    install : the command that installs it
    load : imports it and gives ``prepare`` (not timed; a path to what is described) and ``run`` (timed)
    does : what is timed
    """

    title: str
    package: str
    install: str
    load: Callable[[], tuple[Run, Run]]
    does: str = ""


def as_it_is(path: str) -> str:
    """Prepare nothing: the system decodes by itself, which is timed."""
    return path


# --- the workbench --------------------------------------------------------------------------------


def load_ours(paths: Sequence[str]) -> tuple[Run, Run]:
    """Decode and compute the arrays named."""
    from workbench.audio import open_audio
    from workbench.features import extract

    def run(path: str) -> Any:
        with open_audio(path) as stream:
            return extract(stream.native_blocks(), stream.sample_rate, paths=paths)

    return as_it_is, run


def load_set(name: DescriptorSet) -> tuple[Run, Run]:
    """Decode and compute a set of descriptors."""
    from workbench.features import specs

    return load_ours([spec.path for spec in specs(descriptors=name)])


def load_ours_scored() -> tuple[Run, Run]:
    """Tempo, key and beats only."""
    import numpy as np

    from workbench.features import ExtractConfig

    paths = [f"summary/{name}" for name in ("tempo", "tempo_confidence", "key", "key_strength")]
    prepare, describe = load_ours([*paths, "frames/beats"])

    def run(path: str) -> Answer:
        features = describe(path)
        beats = np.flatnonzero(features.arrays["frames/beats"]) / ExtractConfig().frame_rate
        names = ("bpm", "bpm_confidence", "key", "key_strength")
        return {name: features.columns[name] for name in names} | {"beats": beats.tolist()}

    return prepare, run


# --- librosa --------------------------------------------------------------------------------------


def load_librosa_user() -> tuple[Run, Run]:
    """Call one function after the other, each with the samples."""
    import librosa
    from librosa import beat, feature, onset

    on_samples = (
        beat.beat_track, onset.onset_detect, feature.chroma_cqt, feature.chroma_stft, feature.mfcc,
        feature.melspectrogram, feature.spectral_centroid, feature.spectral_bandwidth, feature.spectral_rolloff,
        feature.spectral_contrast, feature.tonnetz, feature.tempogram,
    )  # fmt: skip
    # these take no sample rate
    on_samples_alone = (feature.spectral_flatness, feature.zero_crossing_rate, feature.rms)

    def run(path: str) -> None:
        y, sr = librosa.load(path)
        for function in on_samples:
            function(y=y, sr=sr)
        for function in on_samples_alone:
            function(y=y)

    return as_it_is, run


def load_librosa_shared() -> tuple[Run, Run]:
    """Compute one spectrum, one tuning, one mel spectrum and one onset curve, and pass them on; no CQT."""
    import librosa
    import numpy as np
    from librosa import beat, feature, onset

    on_magnitude = (
        feature.spectral_centroid, feature.spectral_bandwidth, feature.spectral_rolloff, feature.spectral_contrast,
    )  # fmt: skip

    def run(path: str) -> None:
        y, sr = librosa.load(path)
        S = np.abs(librosa.stft(y))
        power = S**2
        mel_db = librosa.power_to_db(feature.melspectrogram(S=power, sr=sr))
        feature.mfcc(S=mel_db, sr=sr)
        chroma = feature.chroma_stft(S=power, sr=sr, tuning=librosa.estimate_tuning(S=S, sr=sr))
        feature.tonnetz(chroma=chroma, sr=sr)
        for function in on_magnitude:
            function(S=S, sr=sr)
        feature.spectral_flatness(S=S)
        feature.rms(S=S)
        feature.zero_crossing_rate(y)
        envelope = onset.onset_strength(S=mel_db, sr=sr)
        onset.onset_detect(onset_envelope=envelope, sr=sr)
        beat.beat_track(onset_envelope=envelope, sr=sr)
        feature.tempogram(onset_envelope=envelope, sr=sr)

    return as_it_is, run


# Krumhansl and Kessler (1982), probe-tone ratings from the tonic upwards
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def load_librosa_scored() -> tuple[Run, Run]:
    """Take `beat_track`, and the key whose profile the mean of `chroma_cqt` correlates with best."""
    import librosa
    import numpy as np

    names = [f"{tonic} {mode}" for mode in ("major", "minor") for tonic in _TONICS]
    profiles = [np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]

    def run(path: str) -> Answer:
        y, sr = librosa.load(path)
        tempo, frames = librosa.beat.beat_track(y=y, sr=sr)
        chroma = librosa.feature.chroma_cqt(y=y, sr=sr).mean(axis=1)
        tonal = chroma.std() > 0
        key = names[int(np.argmax([np.corrcoef(chroma, profile)[0, 1] for profile in profiles]))] if tonal else None
        beats = librosa.frames_to_time(frames, sr=sr)
        return {"bpm": float(np.ravel(tempo)[0]), "key": key, "beats": beats.tolist()}

    return as_it_is, run


# --- Essentia, openSMILE, aubio -------------------------------------------------------------------


def essentia_standard() -> Any:
    """Import Essentia and keep it from writing notes."""
    import essentia
    from essentia import standard

    essentia.log.infoActive = essentia.log.warningActive = False
    return standard


def load_music_extractor() -> tuple[Run, Run]:
    """All descriptors of MusicExtractor, with its default statistics."""
    standard = essentia_standard()
    return as_it_is, lambda path: standard.MusicExtractor()(path) and None


def load_essentia_rhythm(method: str) -> tuple[Run, Run]:
    """RhythmExtractor2013; a new one per file, as it keeps state."""
    standard = essentia_standard()

    def run(y: Any) -> Answer:
        bpm, beats, confidence, *_ = standard.RhythmExtractor2013(method=method)(y)
        # degara's confidence is 0 by definition
        sure = {"bpm_confidence": float(confidence)} if method == "multifeature" else {}
        return {"bpm": float(bpm), "beats": beats.tolist()} | sure

    return lambda path: standard.MonoLoader(filename=path)(), run


def load_essentia_percival() -> tuple[Run, Run]:
    """Tempo after Percival and Tzanetakis (2014)."""
    standard = essentia_standard()
    return (
        lambda path: standard.MonoLoader(filename=path)(),
        lambda y: {"bpm": float(standard.PercivalBpmEstimator()(y))},
    )


def load_essentia_key(profile: str) -> tuple[Run, Run]:
    """KeyExtractor with one of its profiles."""
    standard = essentia_standard()

    def run(y: Any) -> Answer:
        tonic, scale, strength = standard.KeyExtractor(profileType=profile)(y)
        return {"key": f"{tonic} {scale}", "key_strength": float(strength)}

    return lambda path: standard.MonoLoader(filename=path)(), run


def load_opensmile(feature_set: str) -> tuple[Run, Run]:
    """Functionals of one of its feature sets."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)
    return as_it_is, lambda path: smile.process_file(path) is None


AUBIO_HOP = 512


def aubio_hops(path: str) -> tuple[int, Iterator[Any]]:
    """Decode with aubio: the sample rate, and blocks of equal size."""
    import aubio

    source = aubio.source(path, 0, AUBIO_HOP)

    def hops() -> Iterator[Any]:
        n_read = AUBIO_HOP
        while n_read == AUBIO_HOP:
            y, n_read = source()
            yield y

    return source.samplerate, hops()


def soundfile_hops(path: str) -> tuple[int, Iterator[Any]]:
    """Decode with soundfile, as many builds of aubio read nothing but WAV."""
    import numpy as np
    import soundfile

    y, sr = soundfile.read(path, dtype="float32", always_2d=True)
    mono = y.mean(axis=1)
    padded = np.pad(mono, (0, -len(mono) % AUBIO_HOP))
    return sr, iter(padded.reshape(-1, AUBIO_HOP))


def aubio_tempo(sr: int, hops: Iterable[Any]) -> Answer:
    """Track beats; the tempo is that of their median interval."""
    import aubio
    import numpy as np

    tracker = aubio.tempo("default", 2 * AUBIO_HOP, AUBIO_HOP, sr)
    beats = [float(tracker.get_last_s()) for y in hops if tracker(y)[0]]
    bpm = 60 / float(np.median(np.diff(beats))) if len(beats) > 1 else None
    return {"bpm": bpm, "beats": beats}


def load_aubio() -> tuple[Run, Run]:
    """Decode and track beats."""
    import aubio  # noqa: F401  # only to see that it is there

    return as_it_is, lambda path: aubio_tempo(*aubio_hops(path))


def load_aubio_scored() -> tuple[Run, Run]:
    """Track beats in a file of any format."""
    import aubio  # noqa: F401
    import soundfile  # noqa: F401

    return soundfile_hops, lambda decoded: aubio_tempo(*decoded)


# --- vectors for retrieval ------------------------------------------------------------------------


def vector(*parts: Any) -> Answer:
    """Put numbers and arrays into one vector, as JSON has it."""
    import numpy as np

    return {"vector": np.concatenate([np.ravel(np.asarray(part, float)) for part in parts]).tolist()}


def load_ours_vector() -> tuple[Run, Run]:
    """Give the raw embedding, as a library stores it."""
    import numpy as np

    from workbench.similarity import INPUTS, embed

    prepare, describe = load_ours(INPUTS)
    return prepare, lambda path: vector(embed({k: v[np.newaxis] for k, v in describe(path).arrays.items()})[0])


def load_librosa_mfcc() -> tuple[Run, Run]:
    """Mean and deviation of 20 MFCC."""
    import librosa

    def run(path: str) -> Answer:
        y, sr = librosa.load(path)
        mfcc = librosa.feature.mfcc(y=y, sr=sr)
        return vector(mfcc.mean(axis=1), mfcc.std(axis=1))

    return as_it_is, run


def load_librosa_common() -> tuple[Run, Run]:
    """Mean and deviation of the features that most people take."""
    import librosa
    from librosa import feature

    on_samples = (
        feature.mfcc, feature.chroma_stft, feature.spectral_centroid, feature.spectral_bandwidth,
        feature.spectral_contrast, feature.spectral_rolloff,
    )  # fmt: skip
    on_samples_alone = (feature.spectral_flatness, feature.zero_crossing_rate, feature.rms)

    def run(path: str) -> Answer:
        y, sr = librosa.load(path)
        found = [function(y=y, sr=sr) for function in on_samples] + [function(y=y) for function in on_samples_alone]
        return vector(*(of_frames for S in found for of_frames in (S.mean(axis=1), S.std(axis=1))))

    return as_it_is, run


def load_opensmile_vector(feature_set: str) -> tuple[Run, Run]:
    """Functionals of the mean of the channels, decoded by soundfile."""
    import opensmile
    import soundfile

    smile = opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)

    def run(path: str) -> Answer:
        y, sr = soundfile.read(path, dtype="float32", always_2d=True)
        return vector(smile.process_signal(y.mean(axis=1), sr))

    return as_it_is, run


def load_music_extractor_vector() -> tuple[Run, Run]:
    """Every number of MusicExtractor that each file has as many of; no covariances, which are matrices."""
    import numpy as np

    standard = essentia_standard()

    def run(path: str) -> Answer:
        pool, _ = standard.MusicExtractor()(path)
        names = [name for name in sorted(pool.descriptorNames()) if name.startswith(("lowlevel", "rhythm", "tonal"))]
        values = [pool[name] for name in names if name != "rhythm.beats_position"]
        return vector(*(v for v in values if not isinstance(v, (str, list)) and np.ndim(v) < 2))

    return as_it_is, run


# --- decoding alone -------------------------------------------------------------------------------


def load_decode_float() -> tuple[Run, Run]:
    """Read the whole file as float32, where most programs begin."""
    import soundfile

    return as_it_is, lambda path: soundfile.read(path, dtype="float32") and None


def load_decode_int16() -> tuple[Run, Run]:
    """Read it in blocks into one small array of integers: the least that decoding can cost."""
    import numpy as np
    import soundfile

    def run(path: str) -> None:
        with soundfile.SoundFile(path) as file:
            block = np.empty((65536, file.channels), np.int16)
            while len(file.read(out=block)):
                pass

    return as_it_is, run


# --- all of them ----------------------------------------------------------------------------------


def timed() -> dict[str, System]:
    """Everything that `benchmark.py` times, by name; ours first."""
    ours = {
        "workbench-fast": System("workbench, fast set", "audio-workbench", "make setup", lambda: load_set("fast")),
        "workbench-full": System("workbench, full set", "audio-workbench", "make setup", lambda: load_set("full")),
    }
    return ours | PEERS_TIMED


PEERS_TIMED = {
    "librosa-user": System(
        "librosa, as a user writes it", "librosa", "make setup", load_librosa_user,
        "load, beat_track, onset_detect, chroma_cqt, chroma_stft, mfcc, melspectrogram, spectral centroid, bandwidth, "
        "rolloff, contrast, flatness, zero crossings, rms, tonnetz, tempogram, each called with y",
    ),
    "librosa-shared": System(
        "librosa, one shared STFT", "librosa", "make setup", load_librosa_shared,
        "the same without the CQT, one STFT passed as S=, one tuning, one mel spectrum, one onset curve",
    ),
    "essentia-music-extractor": System(
        "Essentia MusicExtractor", "essentia", PIP_ESSENTIA, load_music_extractor, "all its descriptors and statistics",
    ),
    "essentia-rhythm-multifeature": System(
        "Essentia RhythmExtractor2013, multifeature", "essentia", PIP_ESSENTIA,
        lambda: load_essentia_rhythm("multifeature"), "decoding excluded",
    ),
    "essentia-rhythm-degara": System(
        "Essentia RhythmExtractor2013, degara", "essentia", PIP_ESSENTIA,
        lambda: load_essentia_rhythm("degara"), "decoding excluded",
    ),
    "essentia-key": System(
        "Essentia KeyExtractor", "essentia", PIP_ESSENTIA, lambda: load_essentia_key("bgate"), "decoding excluded",
    ),
    "opensmile-egemaps": System(
        "openSMILE eGeMAPS", "opensmile", PIP_OPENSMILE, lambda: load_opensmile("eGeMAPSv02"), "functionals",
    ),
    "opensmile-compare": System(
        "openSMILE ComParE 2016", "opensmile", PIP_OPENSMILE, lambda: load_opensmile("ComParE_2016"), "functionals",
    ),
    "aubio-tempo": System("aubio tempo", "aubio", APT_AUBIO, load_aubio, "with decoding"),
    "decode-float": System(
        "decoding alone, float32", "soundfile", "make setup", load_decode_float, "soundfile.read of the whole file",
    ),
    "decode-int16": System(
        "decoding alone, int16", "soundfile", "make setup", load_decode_int16, "blocks into one small array",
    ),
}  # fmt: skip


SCORED = {
    "workbench": System("workbench", "audio-workbench", "make setup", load_ours_scored),
    "librosa": System("librosa beat_track; chroma_cqt + Krumhansl", "librosa", "make setup", load_librosa_scored),
    "essentia-multifeature": System(
        "Essentia multifeature", "essentia", PIP_ESSENTIA, lambda: load_essentia_rhythm("multifeature")
    ),
    "essentia-degara": System("Essentia degara", "essentia", PIP_ESSENTIA, lambda: load_essentia_rhythm("degara")),
    "essentia-percival": System("Essentia Percival", "essentia", PIP_ESSENTIA, load_essentia_percival),
    "essentia-key-bgate": System("Essentia key, bgate", "essentia", PIP_ESSENTIA, lambda: load_essentia_key("bgate")),
    "essentia-key-edma": System("Essentia key, edma", "essentia", PIP_ESSENTIA, lambda: load_essentia_key("edma")),
    "essentia-key-krumhansl": System(
        "Essentia key, krumhansl", "essentia", PIP_ESSENTIA, lambda: load_essentia_key("krumhansl")
    ),
    "aubio": System("aubio tempo", "aubio", APT_AUBIO, load_aubio_scored),
}


RETRIEVING = {
    "workbench": System("workbench", "audio-workbench", "make setup", load_ours_vector),
    "librosa-mfcc": System("librosa, MFCC mean + deviation", "librosa", "make setup", load_librosa_mfcc),
    "librosa-common": System("librosa, common features", "librosa", "make setup", load_librosa_common),
    "opensmile-egemaps": System(
        "openSMILE eGeMAPS", "opensmile", PIP_OPENSMILE, lambda: load_opensmile_vector("eGeMAPSv02")
    ),
    "opensmile-compare": System(
        "openSMILE ComParE 2016", "opensmile", PIP_OPENSMILE, lambda: load_opensmile_vector("ComParE_2016")
    ),
    "essentia-music-extractor": System(
        "Essentia MusicExtractor", "essentia", PIP_ESSENTIA, load_music_extractor_vector
    ),
}


# --- a process ------------------------------------------------------------------------------------


def peak_bytes() -> int:
    """Give the peak of this process's resident memory.

    Linux hands ``ru_maxrss`` on through fork and exec, so that a small child would show its parent's peak;
    VmHWM begins anew with the program.
    """
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def load(kind: str, name: str) -> tuple[Run, Run, str]:
    """Import a system: how to prepare and run it, and its version."""
    # a peer must not import the workbench, which `timed` does to find its sets
    known = {"scored": SCORED, "retrieving": RETRIEVING, "timed": PEERS_TIMED}[kind]
    system = known[name] if name in known else timed()[name]
    try:
        prepare, run = system.load()
    except Exception as error:  # whatever keeps it from being imported, it is not there
        raise NotInstalledError(f"{type(error).__name__}: {error}") from error
    try:
        version = metadata.version(system.package)
    except metadata.PackageNotFoundError:
        version = "not installed as a package"
    return prepare, run, version


def answer(request: dict[str, Any], prepare: Run, run: Run) -> dict[str, Any]:
    """Do what a request asks, and time it."""
    try:
        inputs = [prepare(path) for path in request.get("paths", [request.get("path")])]
        wall, cpu = time.perf_counter(), time.process_time()
        for given in inputs:
            value = run(given)
        took = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return took | {"peak_bytes": peak_bytes(), "value": value if isinstance(value, dict) else None}


def serve(kind: str, name: str) -> None:
    """Answer requests until there are no more."""
    # libraries print on standard output, some of them from C: answers go by a channel of their own
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=channel, flush=True)

    try:
        prepare, run, version = load(kind, name)
    except NotInstalledError as error:
        tell({"missing": str(error)})
        return
    tell({"version": version, "peak_bytes": peak_bytes()})
    for line in sys.stdin:
        tell(answer(json.loads(line), prepare, run))


if __name__ == "__main__":
    core = os.environ.get("BENCHMARK_CORE")
    if core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    serve(*sys.argv[1:])
