"""The registry is complete, consistent and documented."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path
from typing import get_args

import pytest

from workbench.errors import InputError
from workbench.features import registry
from workbench.features.config import DEFAULT_CONFIG
from workbench.features.framewise import DELAYED, TUNED, kernels
from workbench.features.registry import COLUMNS, DESCRIPTORS, closure, spec, specs
from workbench.features.summary import STATISTICS
from workbench.schema import DescriptorSet

ROOT = Path(__file__).parents[2]


def test_the_documentation_is_current() -> None:
    render = runpy.run_path(str(ROOT / "scripts" / "make_descriptor_docs.py"))["render"]
    assert (ROOT / "docs" / "descriptors.md").read_text(encoding="utf-8") == render(), "run `make docs`"


def test_costs_are_shown_if_they_were_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_descriptor_docs.py")
    assert script is not None
    assert script.loader is not None
    module = importlib.util.module_from_spec(script)
    script.loader.exec_module(module)
    (tmp_path / "costs.json").write_text('{"descriptors": {"mfcc": 3.14159}}')
    monkeypatch.setattr(module, "COSTS", tmp_path / "costs.json")
    page = module.render()
    (header,) = {line for line in page.splitlines() if line.startswith("| name | set |")}
    rows = {line.split(" | ")[0]: line for line in page.splitlines() if line.startswith("| `m")}
    assert rows["| `mfcc`"].split(" | ")[header.split(" | ").index("ms")] == "3.1"
    assert rows["| `mel`"].count("|") == header.count("|")


def test_every_descriptor_is_documented_in_sentences_and_has_a_source() -> None:
    for name, descriptor in DESCRIPTORS.items():
        assert descriptor.name == name
        assert descriptor.sentence[0].isupper(), name
        assert descriptor.sentence.endswith("."), name
        assert descriptor.source, name
        assert len(descriptor.dims) == len(descriptor.shape), name
        assert descriptor.low < descriptor.high, name
        assert all(len(labels) == descriptor.shape[descriptor.dims.index(d)] for d, labels in descriptor.labels.items())


def test_every_framewise_descriptor_has_a_kernel() -> None:
    framewise = {name for name, descriptor in DESCRIPTORS.items() if descriptor.framewise}
    assert framewise == {*kernels(DEFAULT_CONFIG), *TUNED, *DELAYED}


def test_summaries_of_framewise_descriptors_have_statistics() -> None:
    mfcc = spec("summary/mfcc")
    assert mfcc.all_dims == ("track", "statistic", "coefficient")
    assert mfcc.shape == (7, 20)
    assert mfcc.coords["statistic"] == STATISTICS
    assert spec("segments/mfcc").shape == spec("frames/mfcc").shape == (20,)
    assert spec("summary/tempo").shape == ()


def test_segments_have_about_45_values() -> None:
    widths = [s.shape[0] if s.shape else 1 for s in specs() if s.level == "segments"]
    assert sum(widths) == 45


def test_frames_are_stored_only_when_asked_for() -> None:
    assert not [s for s in specs() if s.level == "frames"]
    assert [s.path for s in specs(["beats", "rms", "beats"]) if s.level == "frames"] == ["frames/beats", "frames/rms"]
    assert len({s.path for s in specs()}) == len(specs())


@pytest.mark.parametrize("name", ["loudness", "mfcss", ""])
def test_frames_that_do_not_exist_are_refused_with_the_names_that_do(name: str) -> None:
    with pytest.raises(InputError, match="chroma"):
        specs([name])


def test_the_full_set_is_the_fast_one_and_more() -> None:
    fast, full = ({s.path for s in specs(descriptors=name)} for name in get_args(DescriptorSet))
    assert fast < full
    assert {f"summary/{name}" for name, d in DESCRIPTORS.items() if d.set == "full"} == full - fast
    assert all(DESCRIPTORS[need].set == "fast" for name in fast for need in closure([name.split("/")[1]]))
    with pytest.raises(InputError, match="fast, full"):
        specs(descriptors="slow")  # type: ignore[arg-type]


def test_an_unknown_path_is_refused_with_the_paths_that_exist() -> None:
    with pytest.raises(InputError, match="summary/tempo"):
        spec("summary/beats")


def test_what_a_descriptor_is_computed_from_comes_with_it() -> None:
    assert closure([]) == set()
    assert closure(["mood"]) >= {"mood", "valence", "arousal", "loudness", "key", "tempo"}
    assert all(closure([name]) <= set(DESCRIPTORS) for name in DESCRIPTORS)


def test_columns_come_from_descriptors() -> None:
    assert set(COLUMNS) <= set(DESCRIPTORS)
    assert all("summary" in DESCRIPTORS[name].levels and not DESCRIPTORS[name].shape for name in COLUMNS)
    assert registry.DESCRIPTORS["key"].categories[21] == "A minor"
