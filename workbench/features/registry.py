"""Every descriptor, once: from here come the stored arrays, the catalog's columns and docs/descriptors.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import get_args

import numpy as np

from workbench.errors import InputError
from workbench.features.descriptor import ALL_LEVELS as _ALL_LEVELS
from workbench.features.descriptor import NO_SEGMENTS as _NO_SEGMENTS
from workbench.features.descriptor import Descriptor
from workbench.features.full_set import FULL_SET, SILENCE_DB
from workbench.features.key import KEY_NAMES, NAMED_PROFILES, PITCH_CLASSES
from workbench.features.mood import CUES, MOODS
from workbench.features.summary import WEIGHTED_STATISTICS
from workbench.features.tempo import TEMPO_RATIOS
from workbench.features.tempogram import TEMPO_POINTS
from workbench.schema import ArraySpec, DescriptorSet, Level

_NYQUIST = 11025.0
_FLOOR = "Without top_db, which refers to the loudest value of the whole signal: only the floor of -100 dB applies."
_AFFECT = "Cues of Eerola, Lartillot & Toiviainen 2009, Gabrielsson & Lindström 2010; workbench.features.mood"

_TIMBRE = (
    Descriptor(
        "mel", "timbre", ("mel_band",), (64,), "dB", -100.0, 200.0,
        "Energy in 64 mel bands from 0 to 11025 Hz, decibels re full scale power 1.0.",
        "librosa.feature.melspectrogram(n_mels=64), librosa.power_to_db(ref=1.0, top_db=None)",
        levels=_NO_SEGMENTS, exceptions=_FLOOR,
    ),
    Descriptor(
        "mfcc", "timbre", ("coefficient",), (20,), "dB", -2300.0, 2300.0,
        "Mel-frequency cepstral coefficients: the coarse shape of the spectrum.",
        "librosa.feature.mfcc(S=librosa.power_to_db(melspectrogram, top_db=None))",
        levels=_ALL_LEVELS, exceptions=_FLOOR,
    ),
    Descriptor(
        "spectral_centroid", "timbre", (), (), "Hz", 0.0, _NYQUIST,
        "Mean frequency weighted by magnitude: how bright it sounds.",
        "librosa.feature.spectral_centroid", levels=_ALL_LEVELS,
    ),
    Descriptor(
        "spectral_bandwidth", "timbre", (), (), "Hz", 0.0, _NYQUIST,
        "Spread of the spectrum about its centroid.",
        "librosa.feature.spectral_bandwidth", levels=_NO_SEGMENTS,
    ),
    Descriptor(
        "spectral_rolloff", "timbre", (), (), "Hz", 0.0, _NYQUIST,
        "Frequency below which 85 % of the magnitude lies.",
        "librosa.feature.spectral_rolloff", levels=_NO_SEGMENTS,
        exceptions="May differ by one bin (10.8 Hz) where rounding of the running sum decides.",
    ),
    Descriptor(
        "spectral_contrast", "timbre", ("octave_band",), (7,), "dB", 0.0, 300.0,
        "Distance from spectral peaks to valleys in octave bands: tonal against noisy.",
        "librosa.feature.spectral_contrast",
        levels=_ALL_LEVELS,
        exceptions=f"{_FLOOR} The valley of an empty top band is rounding noise: there they may differ by 1 %.",
    ),
    Descriptor(
        "spectral_flatness", "timbre", (), (), "1", 0.0, 1.0,
        "Geometric over arithmetic mean of the power spectrum: 1 for white noise and silence, 0 for a pure tone.",
        "librosa.feature.spectral_flatness", levels=_ALL_LEVELS,
    ),
    Descriptor(
        "spectral_flux", "timbre", (), (), "1", 0.0, float(np.sqrt(2.0)),
        "Distance between successive magnitude spectra of unit norm: how fast the timbre changes.",
        "Tzanetakis & Cook 2002, square root", levels=_ALL_LEVELS,
    ),
    Descriptor(
        "zero_crossing_rate", "timbre", (), (), "1", 0.0, 1.0,
        "Share of samples at which the signal changes its sign.",
        "librosa.feature.zero_crossing_rate", levels=_ALL_LEVELS,
    ),
)  # fmt: skip

_DYNAMICS = (
    Descriptor(
        "rms", "dynamics", (), (), "1", 0.0, 2e5,
        "Root mean square of the samples, full scale 1.0.",
        "librosa.feature.rms", levels=_ALL_LEVELS,
    ),
    Descriptor(
        "loudness", "dynamics", (), (), "LUFS", -70.5, 130.0,
        "Integrated loudness of the original channels, gated; missing for silence.",
        "EBU R 128, ITU-R BS.1770-4", optional=True,
        exceptions="Audio shorter than 400 ms, which the standard does not measure, counts as one block.",
    ),
    Descriptor(
        "loudness_range", "dynamics", (), (), "LU", 0.0, 200.0,
        "Distance between soft and loud passages; missing below 3 s.",
        "EBU Tech 3342", optional=True,
    ),
    Descriptor(
        "dynamic_complexity", "dynamics", (), (), "LU", 0.0, 200.0,
        "Mean absolute distance of the momentary (400 ms) from the integrated loudness.",
        "Streich 2006, on K-weighted loudness", optional=True,
    ),
    Descriptor(
        "crest_factor", "dynamics", (), (), "dB", 0.0, 200.0,
        "Sample peak over root mean square of the original channels: low if heavily limited.",
        "IEC 60268-1 (peak to RMS ratio)", optional=True,
    ),
    Descriptor(
        "silence_rate", "dynamics", (), (), "1", 0.0, 1.0,
        "Share of frames whose RMS is below -60 dB re full scale.",
        "Essentia SilenceRate (60 dB)", requires=("rms",),
    ),
    Descriptor(
        "average_loudness", "dynamics", (), (), "1", 0.0, 1.0,
        "Mean over maximum of the loudness of 2 s (energy to the power of 0.67): 1 if all is equally loud.",
        "Essentia Loudness, LevelExtractor", optional=True,
        exceptions="Essentia squeezes it once more, by a curve between two levels.",
    ),
    Descriptor(
        "log_attack_time", "dynamics", (), (), "log10(s)", -2.5, 6.0,
        "Time in which the envelope rises from 20 % to 90 % of its maximum: of use for single sounds.",
        "Peeters 2004; Essentia LogAttackTime", optional=True,
        exceptions="Of the root mean square over 23 ms in steps of 5.8 ms; steps double beyond 48 s, 95 s and so on.",
    ),
    Descriptor(
        "temporal_centroid", "dynamics", (), (), "1", 0.0, 1.0,
        "Where the envelope has its weight, from 0 (the beginning) to 1: low for a sound that dies away.",
        "Peeters 2004; Essentia TCToTotal", optional=True,
    ),
    Descriptor(
        "effective_duration", "dynamics", (), (), "s", 0.0, 1e6,
        "Time for which the envelope is above 40 % of its maximum.",
        "Peeters 2004; Essentia EffectiveDuration", optional=True,
    ),
)  # fmt: skip

_RHYTHM = (
    Descriptor(
        "onset_strength", "rhythm", (), (), "dB", 0.0, 300.0,
        "Mean rise of the 128-band mel spectrum since the last frame: peaks where notes begin.",
        "librosa.onset.onset_strength(S=librosa.power_to_db(melspectrogram, top_db=None))",
        levels=_ALL_LEVELS, exceptions=_FLOOR,
    ),
    Descriptor(
        "onset_rate", "rhythm", (), (), "1/s", 0.0, 50.0,
        "Note onsets per second.",
        "librosa.onset.onset_detect on workbench.features.rhythm's pulse curve",
        exceptions="librosa scales its curve by the single loudest onset; here a compressed curve is cut first.",
    ),
    Descriptor(
        "tempogram", "rhythm", ("bpm",), (len(TEMPO_POINTS),), "1", -1.0, 1.0,
        "Mean autocorrelation of the onset strength, read at tempi from 30 to 480 beats per minute.",
        "librosa.feature.tempogram, mean over frames, interpolated between lags",
        labels={"bpm": tuple(round(float(bpm), 3) for bpm in TEMPO_POINTS)}, requires=("onset_strength",),
    ),
    Descriptor(
        "tempo", "rhythm", (), (), "1/min", 20.0, 400.0,
        "Beats per minute; missing where nothing repeats.",
        "workbench.features.tempo.estimate_tempo", optional=True, version=3,
    ),
    Descriptor(
        "tempo_confidence", "rhythm", (), (), "1", 0.0, 1.0,
        "Probability that the tempo is right and not a multiple of it, 0 to 1; missing with the tempo.",
        "workbench.features.tempo.estimate_tempo", optional=True, version=3,
    ),
    Descriptor(
        "tempo_candidates", "rhythm", ("ratio",), (len(TEMPO_RATIOS),), "1", 0.0, 1.0,
        "Share of the evidence for the tempo times 1, 1/2, 2, 2/3 and 3/2; the shares sum to 1.",
        "workbench.features.tempo.estimate_tempo", optional=True, version=3,
        labels={"ratio": tuple(TEMPO_RATIOS)},
    ),
    Descriptor(
        "beat_count", "rhythm", (), (), "1", 0.0, 1e6,
        "Number of beats; 0 where there is no tempo.",
        "librosa.beat.beat_track (Ellis 2007) on workbench.features.beats.beat_curve", version=3,
    ),
    Descriptor(
        "beat_interval_std", "rhythm", (), (), "s", 0.0, 10.0,
        "Standard deviation of the time from beat to beat; missing below 3 beats.",
        "librosa.beat.beat_track (Ellis 2007) on workbench.features.beats.beat_curve", optional=True,
        version=3,
    ),
    Descriptor(
        "beats", "rhythm", (), (), "1", 0.0, 1.0,
        "One in the frames that hold a beat, else zero.",
        "librosa.beat.beat_track (Ellis 2007) on workbench.features.beats.beat_curve", levels=("frames",),
        version=3,
    ),
)  # fmt: skip

_HARMONY = (
    Descriptor(
        "chroma", "harmony", ("pitch_class",), (12,), "1", 0.0, 1.0,
        "Energy of each pitch class, tuned, the strongest of a frame scaled to 1.",
        "librosa.feature.chroma_stft(tuning=tuning)",
        levels=_ALL_LEVELS, labels={"pitch_class": PITCH_CLASSES}, requires=("tuning",),
        exceptions="The tuning is that of the first 60 s.",
    ),
    Descriptor(
        "tonnetz", "harmony", ("tonnetz_axis",), (6,), "1", -1.0, 1.0,
        "Tonal centroid of the chroma on the circles of fifths, minor thirds and major thirds.",
        "librosa.feature.tonnetz(chroma=chroma)", levels=_NO_SEGMENTS,
        labels={"tonnetz_axis": ("fifth_x", "fifth_y", "minor_x", "minor_y", "major_x", "major_y")},
        requires=("chroma",),
    ),
    Descriptor(
        "tuning", "harmony", (), (), "semitone", -0.5, 0.5,
        "Deviation from A4 = 440 Hz; missing where no frame has a pitch.",
        "librosa.estimate_tuning, on the power spectrum as in chroma_stft", optional=True,
        exceptions="From the first 60 s, as a stream cannot be read twice.",
    ),
    Descriptor(
        "key", "harmony", (), (), "category", 0.0, 23.0,
        "Musical key: 0 to 11 for C major to B major, 12 to 23 for C minor to B minor; missing if nothing is tonal.",
        "workbench.features.key.estimate_key", version=2, optional=True, categories=KEY_NAMES,
    ),
    Descriptor(
        "key_strength", "harmony", (), (), "1", 0.0, 1.0,
        "How likely the key is right: its share of the candidates. Low where the key is ambiguous; missing with it.",
        "workbench.features.key.estimate_key", version=2, optional=True,
    ),
    Descriptor(
        "key_candidates", "harmony", ("key_name",), (24,), "1", 0.0, 1.0,
        "Share of the evidence for each key; the shares sum to 1. Missing with the key.",
        "workbench.features.key.estimate_key", optional=True, labels={"key_name": KEY_NAMES},
    ),
    Descriptor(
        "key_hpcp", "harmony", ("pitch_class",), (12,), "1", 0.0, 1.0,
        "Pitch class profile of sharp spectral peaks of the whole track, tuned, the strongest 1. Missing with the key.",
        "Gómez 2006, without weights for harmonics; workbench.features.pitch.PitchStream", optional=True,
        labels={"pitch_class": PITCH_CLASSES},
    ),
    Descriptor(
        "key_hpcp_entropy", "harmony", (), (), "bit", 0.0, float(np.log2(12)),
        "Entropy of the pitch class profile: 0 for a single pitch class, 3.58 for all alike. Missing with the key.",
        "Shannon entropy, as Essentia's hpcp_entropy", optional=True,
    ),
    Descriptor(
        "key_hpcp_crest", "harmony", (), (), "1", 1.0, 12.0,
        "Maximum of the pitch class profile over its mean. Missing with the key.",
        "As Essentia's hpcp_crest", optional=True,
    ),
    *(
        descriptor
        for profile in NAMED_PROFILES
        for descriptor in (
            Descriptor(
                f"key_{profile}", "harmony", (), (), "category", 0.0, 23.0,
                f"Key whose {profile} profile correlates best with the pitch class profile. Missing with the key.",
                f"workbench.features.key.PROFILES[{profile!r}]", optional=True, categories=KEY_NAMES,
            ),
            Descriptor(
                f"key_{profile}_strength", "harmony", (), (), "1", 0.0, 1.0,
                f"That correlation with the {profile} profile. Missing with the key.",
                f"workbench.features.key.PROFILES[{profile!r}]", optional=True,
            ),
        )
    ),
)  # fmt: skip

# What every formula of `mood` may use; missing cues are left out there, so all are computed or none.
_MOOD_INPUTS = (
    *(cue.descriptor for name, cue in CUES.items() if name != "major"), "key", "beat_interval_std",
)  # fmt: skip

_MOOD = (
    Descriptor(
        "energy", "mood", (), (), "1", 0.0, 1.0,
        "How intense it sounds: loud, dense, bright and noisy. A formula on descriptors, not a trained model.",
        _AFFECT, optional=True, requires=_MOOD_INPUTS,
    ),
    Descriptor(
        "arousal", "mood", (), (), "1", 0.0, 1.0,
        "From calm (0) to excited (1). A formula on descriptors, not a trained model.",
        _AFFECT, version=2, optional=True, requires=_MOOD_INPUTS,
    ),
    Descriptor(
        "valence", "mood", (), (), "1", 0.0, 1.0,
        "From sad or tense (0) to happy or relaxed (1). A formula on descriptors, not a trained model.",
        _AFFECT, version=3, optional=True, requires=_MOOD_INPUTS,
    ),
    Descriptor(
        "danceability", "mood", (), (), "1", 0.0, 1.0,
        "How well one can dance to it: clear, regular beat at a fitting tempo. A formula, not a trained model.",
        "Streich & Herrera 2005, Moelants 2002; workbench.features.mood", version=2, optional=True,
        requires=_MOOD_INPUTS,
    ),
    Descriptor(
        "mood", "mood", (), (), "category", 0.0, float(len(MOODS) - 1),
        "Named region of the valence-arousal plane; missing for silence.",
        "Russell 1980; workbench.features.mood.MOODS", version=3, optional=True,
        categories=tuple(MOODS), requires=("valence", "arousal"),
    ),
)  # fmt: skip

#: The framewise descriptor that each of those by energy is made from.
WEIGHTED: dict[str, str] = {
    f"{name}_by_energy": name
    for name in (
        "mfcc", "spectral_centroid", "spectral_bandwidth", "spectral_contrast", "spectral_rolloff",
        "spectral_flatness", "spectral_flux", "zero_crossing_rate", "onset_strength",
    )
}  # fmt: skip


def _by_energy(name: str, of: Descriptor) -> Descriptor:
    return replace(
        of,
        name=name,
        dims=("weighted_statistic", *of.dims),
        shape=(len(WEIGHTED_STATISTICS), *of.shape),
        low=min(of.low, 0.0),
        high=max(of.high, of.high - of.low),
        sentence=f"Mean and deviation of `{of.name}`, each frame counted by its energy; missing for silence.",
        source="workbench.features.summary.WeightedMoments",
        levels=("summary",),
        optional=True,
        labels={"weighted_statistic": WEIGHTED_STATISTICS, **of.labels},
        requires=(of.name, "rms"),
        exceptions="",
    )


_FRAMEWISE = {d.name: d for d in (*_TIMBRE, *_RHYTHM)}
_BY_ENERGY = tuple(_by_energy(name, _FRAMEWISE[of]) for name, of in WEIGHTED.items())

__all__ = ["COLUMNS", "DESCRIPTORS", "SILENCE_DB", "WEIGHTED", "Descriptor", "closure", "spec", "specs"]

#: All descriptors by name.
DESCRIPTORS: dict[str, Descriptor] = {
    d.name: d for d in (*_TIMBRE, *_RHYTHM, *_BY_ENERGY, *_HARMONY, *_DYNAMICS, *_MOOD, *FULL_SET)
}

#: The catalog's column for each descriptor that has one.
COLUMNS: dict[str, str] = {
    "tempo": "bpm",
    "tempo_confidence": "bpm_confidence",
    "key": "key",
    "key_strength": "key_strength",
    "energy": "energy",
    "valence": "valence",
    "arousal": "arousal",
    "danceability": "danceability",
    "mood": "mood",
    "loudness": "loudness_lufs",
}


def specs(frames: Iterable[str] = (), descriptors: DescriptorSet = "fast") -> tuple[ArraySpec, ...]:
    """Give the contract of every array that an analysis stores.

    Parameters
    ----------
    frames : iterable of str
        Names of descriptors whose frames are wanted too, of any set.
    descriptors : {"fast", "full"}
        The set whose summaries and segments are wanted.

    Returns
    -------
    tuple of ArraySpec
        The summaries, the segments, then the frames asked for.

    Raises
    ------
    InputError
        On a name that has no frames, or another set.

    Examples
    --------
    >>> [s.path for s in specs(frames=["chroma"])][-1]
    'frames/chroma'
    """
    with_frames = [name for name, d in DESCRIPTORS.items() if "frames" in d.levels]
    wanted = dict.fromkeys(frames)
    unknown = [name for name in wanted if name not in with_frames]
    if unknown:
        raise InputError(f"No frames of {', '.join(map(repr, unknown))}.", f"Choose from: {', '.join(with_frames)}.")
    if descriptors not in get_args(DescriptorSet):
        raise InputError(f"No set {descriptors!r}.", f"Choose from: {', '.join(get_args(DescriptorSet))}.")
    members = [d for d in DESCRIPTORS.values() if d.set == "fast" or descriptors == "full"]
    levels: tuple[Level, ...] = ("summary", "segments")
    stored = [spec(f"{level}/{d.name}") for level in levels for d in members if level in d.levels]
    return (*stored, *(spec(f"frames/{name}") for name in wanted))


def spec(path: str) -> ArraySpec:
    """Give the contract of one array.

    Parameters
    ----------
    path : str
        Level and descriptor, for example ``summary/mfcc``.

    Raises
    ------
    InputError
        If there is no such array.

    Examples
    --------
    >>> spec("summary/mfcc").shape
    (7, 20)
    """
    known = _specs_by_path()
    if path not in known:
        raise InputError(f"No array {path!r}.", f"Choose from: {', '.join(known)}.")
    return known[path]


@cache
def _specs_by_path() -> dict[str, ArraySpec]:
    every = (d.spec(level) for d in DESCRIPTORS.values() for level in d.levels)
    return {s.path: s for s in every}


def closure(names: Iterable[str]) -> set[str]:
    """Give the names and every descriptor that they are computed from, however indirectly.

    Examples
    --------
    >>> sorted(closure(["tonnetz"]))
    ['chroma', 'tonnetz', 'tuning']
    """
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += DESCRIPTORS[name].requires
    return needed
