"""The descriptors that only the set ``full`` holds: what Essentia's MusicExtractor and librosa have beyond ``fast``.

Names are the field's. `LEFT_OUT` says of everything else that MusicExtractor gives why it is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from workbench.features.bands import BARK_EDGES_HZ, ENERGY_EDGES_HZ, N_ERB_BANDS
from workbench.features.descriptor import NO_SEGMENTS, Descriptor
from workbench.features.harmony import CHORD_NAMES, N_HPCP
from workbench.features.metre import BEAT_BAND_EDGES_HZ, TEMPO_FACTORS
from workbench.features.peaks import N_PEAKS
from workbench.features.stft import N_MELS

#: RMS below which a frame is silent, decibels below full scale, by the name of the share of such frames.
SILENCE_DB = {"silence_rate": 60.0, "silence_rate_20dB": 20.0, "silence_rate_30dB": 30.0}

_FULL_SCALE = "Essentia's spectra are of 44.1 kHz; here of 22.05 kHz, with the same distance of bins."


def _hz(edges: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{low}-{high} Hz" for low, high in pairwise(edges))


_SPECTRUM = (
    Descriptor(
        "spectral_skewness", "timbre", (), (), "1", -1100.0, 1100.0,
        "Third standardised moment of the magnitude spectrum: positive if its weight is low with a tail upwards.",
        "Peeters 2004; Essentia DistributionShape", levels=NO_SEGMENTS,
        exceptions="A spread below one bin counts as one bin, which keeps it finite.",
    ),
    Descriptor(
        "spectral_kurtosis", "timbre", (), (), "1", -3.1, 1.1e6,
        "Fourth standardised moment of the magnitude spectrum less 3: high for a peak with far tails.",
        "Peeters 2004; Essentia DistributionShape", levels=NO_SEGMENTS,
        exceptions="A spread below one bin counts as one bin, which keeps it finite.",
    ),
    Descriptor(
        "spectral_entropy", "timbre", (), (), "bit", 0.0, 10.01,
        "Entropy of the magnitudes as a distribution over bins: low for few tones, high for noise.",
        "Misra et al. 2004; Essentia Entropy", levels=NO_SEGMENTS, exceptions=_FULL_SCALE,
    ),
    Descriptor(
        "spectral_complexity", "timbre", (), (), "1", 0.0, 260.0,
        "Spectral peaks from 100 to 5000 Hz that reach 0.5 % of a sine at full scale.",
        "Laurier et al. 2010; Essentia SpectralComplexity", levels=NO_SEGMENTS,
    ),
    Descriptor(
        "spectral_decrease", "timbre", (), (), "1", -10.0, 1.0,
        "How the magnitudes fall from the lowest bin, low bins counting most: below 0 if they do.",
        "Peeters 2004", levels=NO_SEGMENTS,
        exceptions="Cut at -10. Essentia's Decrease is another quantity, the slope over bins: see poly_features.",
    ),
    Descriptor(
        "spectral_strongpeak", "timbre", (), (), "1", 0.0, 1e9,
        "Height of the strongest bin over its width: high for one thin, loud peak.",
        "Gouyon & Herrera 2001; Essentia StrongPeak", levels=NO_SEGMENTS,
        exceptions="The width counts whole bins, from edge to edge; the constant is left out.",
    ),
    Descriptor(
        "spectral_energyband", "timbre", ("energy_band",), (len(ENERGY_EDGES_HZ),), "dB", -100.0, 200.0,
        "Energy in four wide bands, decibels on the scale of mel.",
        "Essentia EnergyBand", levels=NO_SEGMENTS, labels={"energy_band": tuple(ENERGY_EDGES_HZ)},
        exceptions="In decibels; the last band ends at 11025 Hz.",
    ),
    Descriptor(
        "hfc", "timbre", (), (), "dB", -100.0, 250.0,
        "High-frequency content: power weighted by the number of the bin, high at attacks and in noise.",
        "Masri 1996; Essentia HFC", levels=NO_SEGMENTS, exceptions="In decibels.",
    ),
    Descriptor(
        "poly_features", "timbre", ("polynomial",), (3,), "1", -1e9, 1e9,
        "Least squares fits of the magnitude over frequency: its mean, and slope (per Hz) and intercept of a line.",
        "librosa.feature.poly_features(order=0), librosa.feature.poly_features(order=1)", levels=NO_SEGMENTS,
        labels={"polynomial": ("constant", "slope", "intercept")},
    ),
    Descriptor(
        "dissonance", "harmony", (), (), "1", 0.0, (N_PEAKS - 1) / 2,
        f"Roughness of all pairs of the {N_PEAKS} highest spectral peaks, over the sum of their heights.",
        "Plomp & Levelt 1965, Sethares 1998", levels=NO_SEGMENTS,
        exceptions="Essentia's Dissonance has other curves and scale.",
    ),
    Descriptor(
        "pitch_salience", "harmony", (), (), "1", 0.0, 1.0,
        "Highest autocorrelation of the magnitude spectrum at shifts from 100 to 5000 Hz: high for rich tones.",
        "Ricard 2004; Essentia PitchSalience", levels=NO_SEGMENTS, exceptions="Of the spectrum below 5.5 kHz.",
    ),
)  # fmt: skip

_BANDS = (
    Descriptor(
        "barkbands", "timbre", ("bark_band",), (len(BARK_EDGES_HZ) - 1,), "dB", -100.0, 200.0,
        "Energy in Bark bands (critical bands of hearing), decibels on the scale of mel.",
        "Zwicker 1961; Essentia BarkBands", levels=NO_SEGMENTS, labels={"bark_band": _hz(BARK_EDGES_HZ)},
        exceptions="In decibels; the 25 bands below 11025 Hz of Essentia's 27, the last one cut there.",
    ),
    Descriptor(
        "erbbands", "timbre", ("erb_band",), (N_ERB_BANDS,), "dB", -100.0, 200.0,
        "Energy behind 40 gammatone filters of equivalent rectangular bandwidths, decibels on the scale of mel.",
        "Glasberg & Moore 1990, Slaney 1993; Essentia ERBBands", levels=NO_SEGMENTS,
        exceptions="In decibels; filters of 1 at their centres, their skirts cut at -40 dB.",
    ),
    Descriptor(
        "gfcc", "timbre", ("coefficient_gfcc",), (13,), "dB", -1300.0, 1300.0,
        "Gammatone-frequency cepstral coefficients: the coarse shape of the spectrum on the scale of hearing.",
        "Shao et al. 2009; Essentia GFCC", levels=NO_SEGMENTS, exceptions="Orthonormal DCT-II of erbbands.",
    ),
)  # fmt: skip


def _shape_of(family: str, bands: str, n: int) -> tuple[Descriptor, ...]:
    """Crest, flatness and moments of a family of bands."""

    def one(what: str, unit: str, low: float, high: float, sentence: str, exceptions: str = "") -> Descriptor:
        source = "Peeters 2004; Essentia Crest, FlatnessDB, DistributionShape"
        return Descriptor(
            f"{family}_{what}", "timbre", (), (), unit, low, high, sentence, source,
            levels=NO_SEGMENTS, exceptions=exceptions,
        )  # fmt: skip

    moments = "Energies below -100 dB count as that; a spread below 0.01 counts as that."
    return (
        one("crest", "1", 1.0, n, f"Largest over mean energy of the {n} {bands} bands: high if one stands out."),
        one("flatness_db", "dB", -300.0, 0.0, f"Geometric over arithmetic mean energy of the {n} {bands} bands.",
            "Essentia divides by -60 dB and cuts at 1."),
        one("spread", "band²", 0.0, (n - 1) ** 2 / 4, f"Variance of the energy over the {n} {bands} bands."),
        one("skewness", "1", -10.0 * n, 10.0 * n, f"Third standardised moment over the {n} {bands} bands.", moments),
        one("kurtosis", "1", -3.1, 100.0 * n**2, f"Fourth standardised moment less 3 over {n} {bands} bands.", moments),
    )  # fmt: skip


_SHAPES = (
    *_shape_of("melbands", "mel", N_MELS),
    *_shape_of("barkbands", "Bark", len(BARK_EDGES_HZ) - 1),
    *_shape_of("erbbands", "ERB", N_ERB_BANDS),
)

_PITCH_CLASSES = (
    Descriptor(
        "hpcp", "harmony", ("hpcp_bin",), (N_HPCP,), "1", 0.0, 1.0,
        "Harmonic pitch-class profile: energy of spectral peaks in thirds of a semitone above C, harmonics credited to"
        " their fundamentals, tuned, the strongest of a frame scaled to 1.",
        "Gómez 2006; Essentia HPCP", levels=NO_SEGMENTS, requires=("tuning",),
        labels={"hpcp_bin": tuple(round(k / 3, 3) for k in range(N_HPCP))},
        exceptions=f"Of the {N_PEAKS} highest peaks from 40 to 5000 Hz, rounded to 10 cents; the tuning is that of the"
        " first 60 s. Essentia counts from A.",
    ),
    Descriptor(
        "hpcp_entropy", "harmony", (), (), "bit", 0.0, 5.18,
        "Entropy of the pitch-class profile: low if few pitches sound.",
        "Essentia Entropy of HPCP", levels=NO_SEGMENTS, requires=("hpcp",),
    ),
    Descriptor(
        "hpcp_crest", "harmony", (), (), "1", 0.0, float(N_HPCP),
        "Largest over mean value of the pitch-class profile; 0 for silence.",
        "Essentia Crest of HPCP", levels=NO_SEGMENTS, requires=("hpcp",),
    ),
    Descriptor(
        "thpcp", "harmony", ("hpcp_bin_transposed",), (N_HPCP,), "1", 0.0, 1.0,
        "Mean pitch-class profile, transposed so that its maximum comes first: harmony whatever the key.",
        "Gómez 2006; Essentia THPCP", optional=True, requires=("hpcp",),
    ),
    Descriptor(
        "tuning_diatonic_strength", "harmony", (), (), "1", 0.0, 1.0,
        "Correlation of the mean pitch classes with the best diatonic scale, major or harmonic minor.",
        "Gómez & Herrera 2008; Essentia tuning_diatonic_strength", optional=True, requires=("hpcp",),
    ),
    Descriptor(
        "tuning_equal_tempered_deviation", "harmony", (), (), "semitone", 0.0, 0.5,
        "Mean distance of the peaks of the mean pitch histogram (10 cents) from the tuned equal-tempered scale.",
        "Gómez & Herrera 2008; Essentia HighResolutionFeatures", optional=True, requires=("hpcp",),
    ),
    Descriptor(
        "tuning_nontempered_energy_ratio", "harmony", (), (), "1", 0.0, 1.0,
        "Share of the energy of spectral peaks that is more than 15 cents off the tuned equal-tempered scale.",
        "Gómez & Herrera 2008; Essentia HighResolutionFeatures", optional=True, requires=("hpcp",),
    ),
    Descriptor(
        "chords_histogram", "harmony", ("chord",), (len(CHORD_NAMES),), "1", 0.0, 1.0,
        "Share of the time of each major and minor triad; missing where none is clear.",
        "Fujishima 1999; Essentia ChordsDetection, ChordsDescriptors", optional=True, requires=("hpcp",),
        labels={"chord": CHORD_NAMES},
        exceptions="Windows of 2 s every 0.5 s. Essentia turns it so that the key comes first, in percent.",
    ),
    Descriptor(
        "chords_changes_rate", "harmony", (), (), "1/s", 0.0, 2.1,
        "Changes of chord per second.",
        "Essentia ChordsDescriptors", optional=True, requires=("hpcp",),
        exceptions="Essentia gives changes per frame.",
    ),
    Descriptor(
        "chords_number_rate", "harmony", (), (), "1", 0.0, 1.0,
        "Different chords (1 % of the time or more) over the number of windows: falls with the length of the track.",
        "Essentia ChordsDescriptors", optional=True, requires=("hpcp",),
    ),
    Descriptor(
        "chords_strength", "harmony", (), (), "1", 0.0, 1.0,
        "Mean correlation of the pitch classes with the triads found.",
        "Fujishima 1999; Essentia ChordsDetection", optional=True, requires=("hpcp",),
    ),
    Descriptor(
        "chords_key", "harmony", (), (), "category", 0.0, float(len(CHORD_NAMES) - 1),
        "The most frequent triad.",
        "Essentia ChordsDescriptors (chords_key, chords_scale)", optional=True, requires=("hpcp",),
        categories=CHORD_NAMES,
    ),
)  # fmt: skip

_BEATS = (
    Descriptor(
        "percussive_ratio", "rhythm", (), (), "1", 0.0, 1.0,
        "Share of the energy that is percussive: spectral lines that are short and wide, not long and thin.",
        "librosa.decompose.hpss of librosa.feature.melspectrogram(n_mels=64); Fitzgerald 2010", levels=NO_SEGMENTS,
    ),
    Descriptor(
        "beats_loudness", "rhythm", (), (), "dB", -100.0, 200.0,
        "Mean energy of the loudest frame about each beat from 20 to 11025 Hz, decibels on the scale of mel.",
        "Essentia BeatsLoudness", version=2, optional=True, requires=("beats", "tempo"),
        exceptions="Frames of 93 ms instead of 50 ms about the beat.",
    ),
    Descriptor(
        "beats_loudness_band_ratio", "rhythm", ("beat_band",), (len(BEAT_BAND_EDGES_HZ) - 1,), "1", 0.0, 1.0,
        "Mean share of six bands in the energy of each beat: bass drum against snare and cymbals.",
        "Essentia BeatsLoudness", version=2, optional=True, requires=("beats_loudness",),
        labels={"beat_band": _hz(BEAT_BAND_EDGES_HZ)},
    ),
    Descriptor(
        "tempogram_ratio", "rhythm", ("tempo_factor",), (len(TEMPO_FACTORS),), "1", -1.0, 1.0,
        "Mean tempogram at multiples and fractions of the tempo: which note values sound.",
        "librosa.feature.tempogram_ratio(bpm=tempo), mean over frames", version=2, optional=True,
        requires=("tempogram", "tempo"),
        labels={"tempo_factor": tuple(round(float(factor), 3) for factor in TEMPO_FACTORS)},
    ),
    *(
        descriptor
        for which, nth in (("first", "Highest"), ("second", "Second highest"))
        for descriptor in (
            Descriptor(
                f"bpm_histogram_{which}_peak_bpm", "rhythm", (), (), "1/min", 20.0, 400.0,
                f"{nth} peak of the mean tempogram, 30 to 300 beats per minute: a metrical level, maybe the tempo.",
                "Tzanetakis & Cook 2002 (beat histogram), on the tempogram", optional=True, requires=("tempogram",),
                exceptions="Essentia counts the intervals of the beats it has found.",
            ),
            Descriptor(
                f"bpm_histogram_{which}_peak_weight", "rhythm", (), (), "1", 0.0, 1.0,
                f"{nth} peak over the sum of all peaks of the mean tempogram.",
                "Tzanetakis & Cook 2002 (beat histogram), on the tempogram", optional=True, requires=("tempogram",),
            ),
            Descriptor(
                f"bpm_histogram_{which}_peak_spread", "rhythm", (), (), "octave", 0.0, 10.0,
                f"{nth} peak's width at half its height: how unsteady it is.",
                "Tzanetakis & Cook 2002 (beat histogram), on the tempogram", optional=True, requires=("tempogram",),
                exceptions="Essentia's spread is the share of the neighbours in the peak.",
            ),
        )
    ),
)  # fmt: skip

_SILENCE = (
    *(
        Descriptor(
            f"silence_rate_{level}dB", "dynamics", (), (), "1", 0.0, 1.0,
            f"Share of frames whose RMS is below -{level} dB re full scale.",
            f"Essentia SilenceRate ({level} dB)", requires=("rms",),
        )
        for level in (20, 30)
    ),
)  # fmt: skip

#: The descriptors of the set ``full`` that are not in ``fast``.
FULL_SET: tuple[Descriptor, ...] = tuple(
    replace(descriptor, set="full")
    for descriptor in (*_SPECTRUM, *_BANDS, *_SHAPES, *_PITCH_CLASSES, *_BEATS, *_SILENCE)
)

#: What Essentia's MusicExtractor gives and the workbench does not, and why.
LEFT_OUT: Mapping[str, str] = {
    "spectral_spread": "The square of `spectral_bandwidth`.",
    "spectral_energy, spectral_rms": "Both follow from `rms`.",
    "melbands (40), melbands128": "`mel` has 64 bands; 40 or 128 tell nothing more.",
    "spectral_contrast_coeffs, spectral_contrast_valleys": "`spectral_contrast` is librosa's: peak less valley.",
    "mfcc.cov, mfcc.icov, gfcc.cov, gfcc.icov": "Deviations are kept; matrices of 169 values are read by nobody here.",
    "var, dvar, and the like of second differences": "Variances are the squares of `std` and `dstd`, which are kept.",
    "loudness_ebu128.momentary, .short_term": "Curves, which `loudness_range` and `dynamic_complexity` describe.",
    "replay_gain": "-18 dB less `loudness` (ReplayGain 2.0).",
    "bpm_histogram": "`tempogram` is the curve over tempi; its two highest peaks are kept.",
    "beats_position": "`frames/beats`: beats vary in number.",
    "chords_scale": "Within `chords_key`.",
    "tuning_frequency": "440 Hz times 2 to the power of `tuning` / 12.",
    "danceability (detrended fluctuation)": "`danceability` is a formula on tempo and beats.",
    "mood, genre, instrument, voice and gender classifiers": "What cannot be had without a trained model is left out;"
    " so are acousticness and instrumentalness, for which no published formula is known here."
    " `percussive_ratio`, `pitch_salience` and `spectral_entropy` are measured instead.",
}
