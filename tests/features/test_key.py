"""The key is right, its strength says how likely that is, and nothing is invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.sounds import SR, clicks, labelled, load, music, noise, tone
from workbench import metrics
from workbench.features import extract, key, key_kernels
from workbench.features.fft import PowerSpectrum
from workbench.features.filters import hann
from workbench.features.frames import Framer
from workbench.testing import simulate_track

PATHS = [f"summary/{name}" for name in key.KEY_DESCRIPTORS]


def key_of(y: np.ndarray) -> object:
    return extract([y[:, None]], SR, paths=["summary/key"]).columns["key"]


def strength_of(y: np.ndarray) -> float:
    return float(extract([y[:, None]], SR, paths=["summary/key_strength"]).arrays["summary/key_strength"])


def histograms(y: np.ndarray, cut: int = 1 << 16) -> key.PitchHistograms:
    stream = key.KeyStream(SR, 8192, 2048)
    for start in range(0, len(y), cut):
        stream.push(y[start : start + cut])
    return stream.finish()


def scale(*degrees: tuple[int, float]) -> key.PitchHistograms:
    passages = np.zeros((1, 120))
    for semitone, weight in degrees:
        passages[0, 10 * semitone] = weight
    return key.PitchHistograms(passages, n_frames=100)


C_MAJOR = ((0, 5.0), (2, 2.0), (4, 4.0), (5, 2.0), (7, 5.0), (9, 2.0), (11, 1.0))


# The plain definitions of the compiled kernels


def plain_decimate(y: np.ndarray, taps: np.ndarray, factor: int) -> np.ndarray:
    return np.convolve(y.astype(float), taps[::-1], mode="valid")[::factor]


def plain_count_pitch(
    spectra: np.ndarray,
    first: int,
    end: int,
    bin_hz: float,
    c_hz: float,
    n_cells: int,
    floor: float,
    threshold: float,
    sharp_bins: int,
    sharp_ratio: float,
) -> np.ndarray:
    counts = np.zeros((spectra.shape[1], n_cells))
    for count, spectrum in zip(counts, np.sqrt(spectra.T.astype(float)), strict=True):
        peaks = [
            k
            for k in range(first, end)
            if spectrum[k] > spectrum[k - 1]
            and spectrum[k] >= spectrum[k + 1]
            and spectrum[k] > sharp_ratio * max(spectrum[k - sharp_bins], spectrum[k + sharp_bins])
        ]
        highest = max((spectrum[k] for k in peaks), default=0.0)
        for k in peaks:
            if highest <= floor or spectrum[k] <= threshold * highest:
                continue
            below, middle, above = np.log(np.maximum(spectrum[k - 1 : k + 2], 1e-15))
            shift = (below - above) / (below - 2 * middle + above) / 2
            semitones = n_cells * np.log2((k + shift) * bin_hz / c_hz)
            count[int(np.rint(semitones)) % n_cells] += np.sqrt(np.exp(middle - (below - above) * shift / 4))
    norms = np.sqrt((counts**2).sum(axis=1, keepdims=True))
    return np.divide(counts, norms, out=counts, where=norms > 0)


@given(seed=st.integers(0, 99), n=st.integers(8, 5000), phase_taps=st.integers(1, 13), factor=st.integers(1, 5))
@settings(deadline=None)
def test_the_decimator_is_the_plain_one(seed: int, n: int, phase_taps: int, factor: int) -> None:
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal(phase_taps * factor).astype(np.float32)
    y = rng.standard_normal(n + len(taps)).astype(np.float32)
    found = key_kernels.decimate(y, taps, factor)
    np.testing.assert_allclose(found, plain_decimate(y, taps, factor), atol=1e-5 * np.abs(taps).sum())


@given(
    seed=st.integers(0, 99),
    n_frames=st.integers(1, 9),
    n_bins=st.integers(20, 300),
    n_cells=st.sampled_from([12, 36, 120]),
    far=st.integers(1, 4),
)
@settings(deadline=None)
def test_pitch_is_counted_as_plainly(seed: int, n_frames: int, n_bins: int, n_cells: int, far: int) -> None:
    rng = np.random.default_rng(seed)
    spectra = (rng.chisquare(2, (n_bins, n_frames)) * rng.random(n_frames) ** 8).astype(np.float32)
    spectra[:, rng.random(n_frames) < 0.2] = 0
    arguments = (far + 1, n_bins - far - 1, 2.7, 261.6, n_cells, 0.1, 0.3, far, 1.5)
    assert_same_pitch(key_kernels.count_pitch(spectra, *arguments), plain_count_pitch(spectra, *arguments))


def assert_same_pitch(found: np.ndarray, plain: np.ndarray) -> None:
    """Equal, but that rounding may move a peak at the edge of two cells to the other."""
    moved = np.abs(found - plain).max(axis=1) > 1e-4
    assert moved.mean() <= 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_pitch_of_music_is_counted_as_plainly(seed: int) -> None:
    framer = Framer(2048, 512, 64)
    y = music(seed, 6)[::4].copy()
    for block in [*framer.push(y), *framer.finish()]:
        spectra = PowerSpectrum(2048, 64).of_hops(block.hops, hann(2048))
        arguments = (37, 743, SR / 4 / 2048, 261.6, 120, 0.05, 0.1, 3, 2.0)
        assert_same_pitch(key_kernels.count_pitch(spectra, *arguments), plain_count_pitch(spectra, *arguments))


def test_pitch_of_recorded_music_is_counted_as_plainly(shared: Path) -> None:
    for path, _ in labelled(shared / "excerpts", "key")[::9]:
        y, _ = load(path)
        framer = Framer(2048, 512, 64)
        for block in framer.push(y.mean(axis=1)[: 8 * SR : 4].copy()):
            spectra = PowerSpectrum(2048, 64).of_hops(block.hops, hann(2048))
            arguments = (37, 743, SR / 4 / 2048, 261.6, 120, 0.05, 0.1, 3, 2.0)
            assert_same_pitch(key_kernels.count_pitch(spectra, *arguments), plain_count_pitch(spectra, *arguments))


def test_spectra_that_are_zero_beside_a_peak_are_counted() -> None:
    spectra = np.zeros((50, 1), np.float32)
    spectra[20, 0] = 1
    counts = key_kernels.count_pitch(spectra, 5, 45, 10.0, 200.0, 12, 0.0, 0.1, 3, 2.0)
    np.testing.assert_array_equal(counts, np.eye(1, 12))


# The stream


@given(cuts=st.lists(st.integers(1, 30000), max_size=12))
@settings(deadline=None, max_examples=20)
def test_histograms_do_not_depend_on_the_cut(cuts: list[int]) -> None:
    y = music(seconds=8)
    whole = histograms(y, cut=len(y))
    stream = key.KeyStream(SR, 8192, 2048)
    for part in np.split(y, np.minimum(np.cumsum(cuts), len(y)).astype(int)):
        stream.push(part)
    found = stream.finish()
    np.testing.assert_array_equal(found.passages, whole.passages)
    assert found.n_frames == whole.n_frames == 1 + len(y) // 2048


@pytest.mark.parametrize("hz", [105.0, 440.0, 1900.0])
def test_a_tone_is_counted_at_its_pitch(hz: float) -> None:
    found = histograms(tone(hz, 3, harmonics=1).astype(np.float32))
    expected = round(120 * np.log2(hz / 261.6256)) % 120
    assert abs((int(found.passages.sum(axis=0).argmax()) - expected + 60) % 120 - 60) <= 1


@pytest.mark.parametrize("hz", [50.0, 2500.0, 3700.0, 5600.0, 9000.0])
def test_a_tone_out_of_the_range_is_not_counted_nor_folded_into_it(hz: float) -> None:
    quiet, loud = tone(440, 3, harmonics=1), tone(hz, 3, harmonics=1)
    found = histograms((0.01 * quiet + loud).astype(np.float32)).passages.sum(axis=0)
    assert found[89:92].sum() > 0.7 * found.sum()


@given(n=st.integers(0, 5000))
@settings(deadline=None, max_examples=30)
def test_passages_are_few_however_long_the_track(n: int) -> None:
    stream = key.KeyStream(SR, 8192, 2048)
    rows = np.ones((n, 120), np.float32)
    for start in range(0, n, 32):
        stream._add(rows[start : start + 32])
    stream._n_seen -= 1  # the framer's last frame takes its place
    found = stream.finish().passages
    assert len(found) <= 16
    assert found.sum() == pytest.approx(rows.sum())


def test_a_low_sample_rate_is_no_harm() -> None:
    stream = key.KeyStream(8000, 4096, 1024)
    stream.push(tone(440, 4, harmonics=1, sr=8000).astype(np.float32))
    assert stream.finish().passages.sum(axis=0).argmax() == 90


def test_a_short_rest_joins_the_last_passage() -> None:
    for seconds, n_passages in ((2, 1), (6, 1), (8, 2), (11, 2)):
        assert len(histograms(music(seconds=seconds)).passages) == n_passages


# The key


@pytest.mark.parametrize("tonic", [0, 3, 7, 10])
@pytest.mark.parametrize("minor", [False, True])
def test_music_has_its_key_whatever_the_tuning(tonic: int, minor: bool) -> None:
    y = music(tonic, 10, tonic=tonic, minor=minor, cents=6 * tonic - 30)
    assert key_of(y) == f"{key.PITCH_CLASSES[tonic]} {'minor' if minor else 'major'}"


@given(shift=st.integers(0, 11), offset=st.integers(-4, 4))
def test_a_transposed_histogram_has_the_transposed_key(shift: int, offset: int) -> None:
    original = scale(*C_MAJOR)
    moved = key.PitchHistograms(np.roll(original.passages, 10 * shift + offset, axis=1), 100)
    found = key.estimate_key(moved)
    assert found.index == shift
    assert found.strength == pytest.approx(key.estimate_key(original).strength)


def test_candidates_are_shares_and_the_first_is_the_key() -> None:
    found = key.estimate_key(scale(*C_MAJOR))
    assert found.candidates.shape == (24,)
    assert found.candidates.sum() == pytest.approx(1)
    assert found.candidates.argmax() == found.index == key.KEY_NAMES.index("C major")
    assert found.candidates.max() == found.strength > 0.8


def test_an_ambiguous_key_is_weak_and_its_rival_is_named() -> None:
    """The scale alone does not tell C major from A minor."""
    found = key.estimate_key(scale(*((semitone, 1.0) for semitone, _ in C_MAJOR)))
    rivals = {key.KEY_NAMES[k] for k in np.argsort(found.candidates)[-4:]}
    assert {"C major", "A minor"} <= rivals
    assert found.strength < 0.6


def test_a_key_that_changes_is_weaker_than_one_that_stays() -> None:
    stays = np.concatenate([music(seed, 8) for seed in range(3)])
    changes = np.concatenate([music(seed, 8, tonic=4 * seed) for seed in range(3)])
    assert strength_of(changes) < strength_of(stays)


def test_a_held_note_is_the_tonic_of_a_weak_key() -> None:
    y = tone(440, 3, harmonics=1).astype(np.float32) * np.float32(0.2)
    assert str(key_of(y)).startswith("A ")
    assert strength_of(y) < 0.6


@pytest.mark.parametrize("seconds", [0.02, 0.5, 1.5, 5.0, 20.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_has_no_key(seconds: float, seed: int) -> None:
    assert key_of(noise(seed, seconds)) is None


def test_silence_clicks_and_a_constant_have_no_key() -> None:
    click = np.zeros(3 * SR, np.float32)
    assert key_of(click) is None
    click[SR] = 1
    assert key_of(click) is None
    assert key_of(np.ones(3 * SR, np.float32)) is None
    assert key_of(clicks(120, 8)) is None


def test_a_single_short_note_is_too_little_for_a_key() -> None:
    assert key_of(tone(440, 0.2).astype(np.float32) * np.float32(0.2)) is None


def test_an_empty_and_an_even_histogram_have_no_key() -> None:
    for passages in (np.zeros((0, 120)), np.zeros((1, 120)), np.ones((1, 120))):
        found = key.describe_key(key.PitchHistograms(passages, 90))
        assert set(found) == set(key.KEY_DESCRIPTORS)
        assert all(np.isnan(value).all() for value in found.values())


def test_what_is_missing_is_missing_together() -> None:
    arrays = extract([noise(0, 5)[:, None]], SR, paths=PATHS).arrays
    assert all(np.isnan(value).all() for value in arrays.values())
    arrays = extract([music()[:, None]], SR, paths=PATHS).arrays
    assert not any(np.isnan(value).any() for value in arrays.values())


# Keys of the published profiles, and the pitch class profile


@pytest.mark.parametrize("profile", key.PROFILES)
@pytest.mark.parametrize("index", [0, 8, 12, 21])
def test_a_profile_is_most_like_itself(profile: str, index: int) -> None:
    classes = np.roll(key.PROFILES[profile][index // 12], index % 12)
    fit = key.profile_correlations(classes, profile)
    assert fit.argmax() == index
    assert fit[index] == pytest.approx(1)
    assert np.abs(fit).max() <= 1 + 1e-9


def test_even_pitch_classes_correlate_with_nothing() -> None:
    assert not key.profile_correlations(np.ones(12), "edma").any()


def test_the_pitch_class_profile_describes_a_triad() -> None:
    found = key.describe_key(scale((0, 2.0), (4, 2.0), (7, 2.0)))
    np.testing.assert_allclose(found["key_hpcp"], np.isin(np.arange(12), (0, 4, 7)))
    assert found["key_hpcp_entropy"] == pytest.approx(np.log2(3))
    assert found["key_hpcp_crest"] == pytest.approx(4)
    assert found["key"] == found["key_krumhansl"] == found["key_temperley"] == found["key_edma"] == 0


def test_camelot_codes_go_round_the_circle_of_fifths() -> None:
    codes = [key.camelot(index) for index in range(24)]
    assert len(set(codes)) == 24
    assert all(codes[(k + 7) % 12] == f"{int(codes[k][:-1]) % 12 + 1}B" for k in range(12))
    assert all(codes[12 + (k + 9) % 12] == f"{codes[k][:-1]}A" for k in range(12))


# Against labels


def test_keys_and_strengths_of_simulated_tracks() -> None:
    right, strengths = [], []
    for seed in range(12):
        y, sr, truth = simulate_track(seed, duration=15, sr=SR, tuning_cents=10.0 * (seed % 9 - 4))
        found = extract([y], sr, paths=["summary/key", "summary/key_strength"])
        right.append(found.columns["key"] == truth.key)
        strengths.append(float(found.arrays["summary/key_strength"]))
    assert np.mean(right) >= 0.75
    assert abs(np.mean(strengths) - np.mean(right)) < 0.2


def test_keys_of_labelled_audio_are_better_than_the_peers(shared: Path) -> None:
    scores, strengths = [], []
    for path, label in labelled(shared / "excerpts", "key"):
        y, sr = load(path)
        found = extract([y], sr, paths=["summary/key", "summary/key_strength"]).columns
        scores.append(metrics.key_score(label, found["key"]) if isinstance(found["key"], str) else 0.0)
        strengths.append(found["key_strength"])
    # MIREX weights; here Essentia's KeyExtractor scores .62 (edma) and .69 (bgate), librosa's chroma with
    # Krumhansl's profiles .40
    assert np.mean(scores) >= 0.72
    sure = np.asarray(strengths, float) > np.median(np.asarray(strengths, float))
    assert np.mean(np.asarray(scores)[sure]) > np.mean(np.asarray(scores)[~sure])


def test_drum_loops_have_no_key_that_anyone_would_trust(shared: Path) -> None:
    for path, _ in labelled(shared / "loops", "bpm"):
        y, sr = load(path)
        found = extract([y], sr, paths=["summary/key_strength"]).arrays["summary/key_strength"]
        assert np.isnan(found) or found < 0.6
