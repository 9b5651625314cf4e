"""How sounds begin and last, and how even their loudness is."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from tests.features.sounds import SR, noise
from workbench.features.envelope import Envelope, EnvelopeShape


def shape(y: np.ndarray, cut: int = 5000) -> EnvelopeShape:
    envelope = Envelope(SR)
    for start in range(0, len(y), cut):
        envelope.push(y[start : start + cut].astype(np.float32))
    return envelope.finish()


def swell(attack_s: float, decay_s: float) -> np.ndarray:
    """Noise that rises in a line and dies away."""
    t = np.arange(2 * SR) / SR
    return noise(0, 2) * np.where(t < attack_s, t / attack_s, np.exp(-(t - attack_s) / decay_s))


@pytest.mark.parametrize("attack_s", [0.1, 0.3, 1.0])
def test_the_attack_takes_seven_tenths_of_a_straight_rise(attack_s: float) -> None:
    assert 10 ** shape(swell(attack_s, 0.3)).log_attack_time == pytest.approx(0.7 * attack_s, rel=0.15)


def test_a_click_has_the_shortest_attack_that_is_seen() -> None:
    click = np.zeros(SR)
    click[3000] = 1
    assert shape(click).log_attack_time == pytest.approx(np.log10(128 / SR))


def test_effective_duration_and_centroid_of_a_decay() -> None:
    found = shape(swell(0.01, 0.3))
    assert found.effective_duration == pytest.approx(0.3 * np.log(1 / 0.4), rel=0.15)
    assert found.temporal_centroid == pytest.approx(0.3 / 2, rel=0.1)
    assert shape(swell(0.01, 0.3)[::-1]).temporal_centroid == pytest.approx(1 - 0.3 / 2, rel=0.1)


def test_even_sounds_have_an_average_loudness_of_one_and_fading_ones_less() -> None:
    y = noise(0, 20)
    assert shape(y).average_loudness > 0.95
    assert shape(y * np.linspace(1, 0, len(y)) ** 2).average_loudness < 0.5


def test_silence_has_no_envelope() -> None:
    assert all(np.isnan(value) for value in astuple(shape(np.zeros(SR))))


def test_long_sounds_are_seen_more_coarsely_at_the_same_memory() -> None:
    seconds = 130  # twice more than there is room for at first
    y = noise(0, seconds) * np.interp(np.arange(seconds * SR) / SR, [0, 100, 101, seconds], [0, 1, 0, 0])
    found = shape(y, cut=70001)
    assert 10**found.log_attack_time == pytest.approx(70, rel=0.05)
    assert found.effective_duration == pytest.approx(61, rel=0.1)
    assert found.temporal_centroid == pytest.approx(2 / 3 * 100 / seconds, rel=0.02)
    np.testing.assert_allclose(astuple(found), astuple(shape(y, cut=1000)), rtol=1e-6)
