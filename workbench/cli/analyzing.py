"""The commands that fill a library: a demo, analysis, its jobs, folders that are watched."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from workbench.cli.app import JsonOption, LibraryOption, SchedulerOption, app, names_in, open_library
from workbench.cli.output import clock, handled, print_jobs, print_json, print_table, say
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.jobs.manager import JobStatus, ProgressEvent, Subscription
    from workbench.jobs.missing import Missing
    from workbench.library import Library


@app.command()
@handled
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put the demo.")] = Path("data/demo"),
    as_json: JsonOption = False,
) -> None:
    """Simulate a small collection with known tempo and key, analyze it, and show what can be asked."""
    from workbench.cli.demo import run_demo

    run_demo(folder, as_json=as_json)


@app.command()
@handled
def analyze(
    paths: Annotated[list[str] | None, typer.Argument(help="Files and folders, searched recursively.")] = None,
    library: LibraryOption = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="In place of paths: the tracks that lack descriptors; tells the cost first."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --missing: say the cost, and stop there.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: one per processor.")] = None,
    scheduler: SchedulerOption = None,
    frames: Annotated[str | None, typer.Option(help="Also store these descriptors per frame: chroma,mfcc")] = None,
    descriptors: Annotated[
        Literal["fast", "full"] | None, typer.Option("--set", help="The descriptors to compute; default fast.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed files again.")] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave it to a server or `workbench watch` on the same library.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Analyze files and folders. What is known is not decoded again; after a crash, it goes on."""
    from workbench.cli.progress import shown

    if missing == bool(paths) or (dry_run and not missing):
        raise InputError("Give either paths or --missing; --dry-run goes with --missing.", "workbench analyze ~/Music")
    with open_library(library, create=not missing) as lib:
        if missing:
            paths = _tell_missing(
                lib.missing(frames=names_in(frames), descriptors=descriptors), dry_run=dry_run, as_json=as_json
            )
            if not paths:
                return
        if queue:
            options = {"frames": names_in(frames), "descriptors": descriptors, "retry_failed": retry_failed}
            _tell_job(_submit(lib, paths or (), options), as_json=as_json)
            return
        with shown() as show:
            job = lib.analyze(
                *(paths or ()),
                frames=names_in(frames),
                descriptors=descriptors,
                retry_failed=retry_failed,
                workers=workers,
                scheduler=scheduler,
                on_progress=show,
            )
        report = job.report()
    if as_json:
        print_json(report)
    else:
        _print_report(report, library)
    if report["state"] == "failed":
        raise typer.Exit(1)


def _tell_missing(missing: Missing, *, dry_run: bool, as_json: bool) -> list[str]:
    """Say what tracks lack and what it costs; give the files to analyze, none if that was all that was asked."""
    paths = [path for path in missing.paths if os.path.lexists(path)]
    stop = dry_run or not paths
    if as_json:
        if stop:
            print_json(asdict(missing))
        return [] if stop else paths
    if not missing.paths:
        say("nothing is missing: every track has the descriptors that are wanted")
        return []
    known = "time not known yet" if missing.estimate_s is None else f"about {clock(missing.estimate_s)}"
    say(f"{len(missing.paths)} tracks lack {len(missing.arrays)} arrays")
    say(f"  {missing.to_decode} must be decoded: {clock(missing.audio_s)} of audio, {known}")
    say(f"  {missing.to_derive} are computed from what is stored")
    if len(paths) < len(missing.paths):
        say(f"  {len(missing.paths) - len(paths)} files are not there now and are left as they are")
    return [] if stop else paths


def _submit(lib: Library, paths: Sequence[str], options: Mapping[str, Any]) -> JobStatus:
    from workbench.jobs.manager import AnalyzeOptions
    from workbench.store.job_entry import LOCAL

    return lib.job_manager().submit(paths, options=AnalyzeOptions.model_validate(options), owner=LOCAL)


def _tell_job(job: JobStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(job.to_dict())
    else:
        say(f"job {job.job_id} is {job.state.value}; see it with: workbench jobs {job.job_id}")


def _print_report(report: dict[str, Any], library: Path | None) -> None:
    outcomes = ", ".join(f"{report[name]} {name}" for name in ("analyzed", "unchanged", "duplicate", "failed"))
    say(
        f"job {report['job_id']} {report['state']}: {report['total']} files in {clock(report['elapsed_s'])}: {outcomes}"
    )
    reasons: dict[str, list[dict[str, Any]]] = {}
    for file in report["failures"]:
        reasons.setdefault(file["reason"], []).append(file)
    for reason, files in sorted(reasons.items(), key=lambda item: -len(item[1])):
        say(f"  {len(files)} × {reason}, for example {files[0]['path']}")
        say(f"      {files[0]['remedy']}")
    if report["failed"]:
        option = f" --library {library}" if library else ""
        say(f"  all of them: workbench tracks --failed{option}")


@app.command()
@handled
def jobs(
    job_id: Annotated[int | None, typer.Argument(metavar="[JOB]", help="Show this one, and what failed in it.")] = None,
    library: LibraryOption = None,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state: queued, running, done, …")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many at most, newest first.")] = 50,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop it, whichever process works on it.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Put it back into the queue.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the jobs of all processes on this library; show, cancel or resume one."""
    if (cancel or resume) and (job_id is None or (cancel and resume)):
        raise InputError("--cancel and --resume each need a job.", "workbench jobs 7 --cancel")
    with open_library(library) as lib:
        manager = lib.job_manager()
        if job_id is None:
            found = manager.list(state=state, limit=n)[0]
            failures: list[dict[str, Any]] = []
        else:
            job = manager.cancel(job_id) if cancel else manager.resume(job_id) if resume else manager.get(job_id)
            found, failures = [job], manager.failures(job_id, limit=n)[0]
    if as_json:
        one = job_id is not None
        print_json({**found[0].to_dict(), "failures": failures} if one else [job.to_dict() for job in found])
        return
    print_jobs(found)
    if failures:
        notes = [f["remedy"] for f in failures]
        print_table(("file", "reason"), [(f["path"], f["reason"]) for f in failures], notes=notes)


@app.command()
@handled
def watch(
    folders: Annotated[list[str], typer.Argument(help="Folders; they need not be there yet.")],
    library: LibraryOption = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: one per processor.")] = None,
    scheduler: SchedulerOption = None,
    settle: Annotated[float, typer.Option(min=0.1, help="A file must stay the same for so long, seconds.")] = 5.0,
    poll: Annotated[
        bool | None,
        typer.Option("--poll/--no-poll", help="Read the folders through now and then; default: network mounts."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Analyze what is put into folders, until Ctrl-C, and what is in the queue."""
    import signal
    import threading

    from workbench.jobs.watch import FolderWatch

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what ends a service ends it as well
    submitted = 0
    listening: dict[int, Subscription] = {}
    with open_library(library, create=True) as lib:
        manager = lib.job_manager(workers=workers, scheduler=scheduler)

        def submit(paths: list[str]) -> None:
            nonlocal submitted
            job = manager.submit(paths, owner="watch")
            _tell_job(job, as_json=False)
            listening[job.job_id] = manager.subscribe(job.job_id, None, tell_end)
            submitted += 1

        def tell_end(event: ProgressEvent) -> None:
            if event.state.finished:
                failed = f", {event.failed} failed: workbench jobs {event.job_id}" if event.failed else ""
                say(f"job {event.job_id} is {event.state.value}: {event.total} files{failed}")
                if (subscription := listening.pop(event.job_id, None)) is not None:
                    subscription.close()

        folder_watch = FolderWatch(folders, submit, settle_s=settle, polling=poll, say=say)
        manager.start()
        try:
            folder_watch.run(threading.Event())
        except KeyboardInterrupt:
            say("no longer watching; what is not done stays in the queue")
        finally:
            manager.stop(timeout=10.0)
    if as_json:
        print_json({"submitted": submitted})
