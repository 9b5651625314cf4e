"""No link leads a job out of the folders that it is bound to, whenever the link was made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.collection import write_track
from tests.jobs.test_manager import ended
from workbench.audio.files import OpenFile, leads_out
from workbench.audio.scan import scan
from workbench.errors import AudioError, Reason
from workbench.jobs.job import wanted_arrays
from workbench.jobs.plan import plan_job
from workbench.library import Library
from workbench.schema import JobState
from workbench.store.job_entry import Request
from workbench.store.ledger import Ledger


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with a song, beside one with another that is nobody's business."""
    write_track(tmp_path / "root" / "mine.wav", 1)
    write_track(tmp_path / "other" / "secret.wav", 2)
    return tmp_path / "root"


def link_file(root: Path) -> None:
    (root / "file.wav").symlink_to(root.parent / "other" / "secret.wav")


def link_folder(root: Path) -> None:
    (root / "folder").symlink_to(root.parent / "other")


def link_by_a_link(root: Path) -> None:
    (root / "up").symlink_to("..")
    (root / "file.wav").symlink_to("up/other/secret.wav")


LINKS: list[Callable[[Path], None]] = [link_file, link_folder, link_by_a_link]


def reasons(library: Library, job_id: int) -> dict[str, str]:
    failures, _ = library.job_manager().failures(job_id)
    return {Path(failure["path"]).name: failure["reason"] for failure in failures}


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_is_made_after_the_job_was_submitted(
    library: Library, root: Path, cluster: str, link: Callable[[Path], None]
) -> None:
    manager = library.job_manager(scheduler=cluster)
    job = manager.submit([str(root)], owner="ada", within=[str(root)])
    link(root)
    manager.start()
    done = ended(manager, job.job_id)
    manager.stop()
    assert done.state is JobState.DONE
    assert [Path(track["path"]).name for track in library.tracks()] == ["mine.wav"]
    assert set(reasons(library, job.job_id).values()) == {"leads_out"}


@pytest.mark.parametrize("of", ["the file", "its folder"])
def test_a_link_that_takes_the_place_of_a_file_after_it_was_found(
    library: Library, root: Path, cluster: str, of: str
) -> None:
    """The plan has a file of the folder; when it is opened, a link leads elsewhere."""
    write_track(root / "album" / "secret.wav", 3)
    request = Request((str(root),), within=(str(root),))
    ledger = Ledger(library.catalog)
    lease = ledger.create(request, lease_s=30.0)
    list(plan_job(library.catalog, ledger, lease, request, wanted_arrays(request)))
    (root / "album" / "secret.wav").unlink()
    if of == "the file":
        (root / "album" / "secret.wav").symlink_to(root.parent / "other" / "secret.wav")
    else:
        (root / "album").rmdir()
        (root / "album").symlink_to(root.parent / "other")
    ledger.let_go(lease)
    library.resume(lease.job_id, scheduler=cluster)
    assert reasons(library, lease.job_id) == {"secret.wav": "leads_out"}
    assert [Path(track["path"]).name for track in library.tracks()] == ["mine.wav"]


def test_a_job_without_bounds_follows_every_link(library: Library, root: Path, cluster: str) -> None:
    link_folder(root)
    library.analyze(root, scheduler=cluster)
    assert sorted(Path(track["path"]).name for track in library.tracks()) == ["mine.wav", "secret.wav"]


def test_a_scan_within_bounds(root: Path) -> None:
    within = [str(root)]
    link_file(root)
    link_folder(root)
    (root / "twin.wav").symlink_to("mine.wav")
    (root / "nothing.wav").symlink_to("/nothing")
    found = {Path(file.path).name: file.reason for file in scan([root], within=within)}
    out = Reason.LEADS_OUT
    assert found == {"file.wav": out, "folder": out, "nothing.wav": out, "mine.wav": None, "twin.wav": None}
    assert {file.reason for file in scan([root], within=[str(root.parent)]) if "file" in file.path} == {None}


def test_a_root_that_has_become_a_link(root: Path) -> None:
    within = [str(root.parent / "root"), str(root.parent / "third")]
    inside = root / "album"
    write_track(inside / "a.wav", 4)
    (inside / "a.wav").unlink()
    inside.rmdir()
    inside.symlink_to(root.parent / "other")
    assert [file.reason for file in scan([inside, inside / "secret.wav"], within=within)] == 2 * [Reason.LEADS_OUT]


def test_what_was_opened_is_what_counts(root: Path) -> None:
    mine, secret = str(root / "mine.wav"), str(root.parent / "other" / "secret.wav")
    assert not leads_out(mine, [str(root)], os.stat(mine))
    assert leads_out(mine, [str(root)], os.stat(secret))  # it was swapped back after it was opened
    assert leads_out(secret, [str(root)])
    assert not leads_out(secret, [])
    assert leads_out(str(root.parent / "root2" / "a.wav"), [str(root)])
    with pytest.raises(AudioError) as refused:
        OpenFile(secret, [str(root)])
    assert refused.value.reason is Reason.LEADS_OUT
    OpenFile(mine, [str(root)]).close()
