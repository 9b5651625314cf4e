"""The commands, in the order in which a newcomer meets them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from workbench.cli.output import (
    NUMERIC,
    TRACK_COLUMNS,
    clock,
    evidence_text,
    factors_text,
    handled,
    number,
    print_jobs,
    print_json,
    print_playlist,
    print_reading,
    print_similar,
    print_table,
    print_tags,
    say,
    track_row,
)
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.jobs.manager import JobStatus, ProgressEvent, Subscription
    from workbench.jobs.missing import Missing
    from workbench.library import Library

app = typer.Typer(
    help="Analyze a folder of audio once; then search it by sound and build playlists that flow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", "-l", help="Folder of the library. [env: WORKBENCH_LIBRARY; default: ~/workbench.library]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
WhereOption = Annotated[
    str | None, typer.Option("--where", help='Only tracks that fit, such as: bpm > 120 and key == "A minor"')
]
SchedulerOption = Annotated[str | None, typer.Option(help="Use this Dask scheduler instead, tcp://host:8786.")]


def _open(library: Path | None, *, create: bool = False) -> Library:
    from workbench.library import Library

    return Library.open(library, create=create)


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
    with _open(library, create=not missing) as lib:
        if missing:
            paths = _tell_missing(
                lib.missing(frames=_names(frames), descriptors=descriptors), dry_run=dry_run, as_json=as_json
            )
            if not paths:
                return
        if queue:
            options = {"frames": _names(frames), "descriptors": descriptors, "retry_failed": retry_failed}
            _tell_job(_submit(lib, paths or (), options), as_json=as_json)
            return
        with shown() as show:
            job = lib.analyze(
                *(paths or ()),
                frames=_names(frames),
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
    from workbench.store.ledger import LOCAL

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
    with _open(library) as lib:
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
    with _open(library, create=True) as lib:
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


@app.command()
@handled
def tracks(
    library: LibraryOption = None,
    where: WhereOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="List the files that failed, and why.")] = False,
    fold_bpm: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LO HI", help="Show tempi moved by octaves into a range: 70 140. Changes nothing stored."),
    ] = None,
    ranked: Annotated[
        bool, typer.Option("--ranked", help="Show energy and mood as ranks in the library, 0 to 1.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the tracks of the library, or the files that failed."""
    if failed and where:
        raise InputError("--failed and --where do not go together.", "Failed files have no columns to filter by.")
    with _open(library) as lib:
        rows = lib.failed() if failed else lib.tracks(where, fold_bpm=fold_bpm, ranked=ranked)
    if as_json:
        print_json(rows)
    elif failed:
        notes = [f"{r['detail']}. {r['remedy']}" if r["detail"] else r["remedy"] for r in rows]
        print_table(("file", "reason"), [(r["path"], r["reason"]) for r in rows], notes=notes)
    else:
        tempo = "BPM" if fold_bpm is None else f"BPM in {fold_bpm[0]:g}-{fold_bpm[1]:g}"  # never folded silently
        columns = ("id", *(tempo if name == "BPM" else name for name in TRACK_COLUMNS), "length")
        lines = [(r["id"][:8], *track_row(r), clock(r["duration_s"])) for r in rows]
        print_table(columns, lines, right=(*NUMERIC, tempo))


@app.command()
@handled
def similar(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|ID…",
            help="A file, or the id of a track; several are blended, each with its weight behind @: a.wav b.wav@-0.5",
        ),
    ],
    library: LibraryOption = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 10,
    to: Annotated[
        str | None, typer.Option(metavar="FILE|ID", help="Lead from the reference to this one, step by step.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Find these seconds of it anywhere: 31:35")] = None,
    where: WhereOption = None,
    weights: Annotated[str | None, typer.Option(help="Weight by facet: timbre=2,rhythm=0.5")] = None,
    per_artist: Annotated[int | None, typer.Option(min=1, help="So many of one artist at most.")] = None,
    per_album: Annotated[int | None, typer.Option(min=1, help="So many of one album at most.")] = None,
    fold: Annotated[
        bool, typer.Option("--fold/--no-fold", help="Show near-identical versions as one result, or each for itself.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Find the tracks that sound most like a file or a track, and say why."""
    with _open(library) as lib:
        found = lib.similar(
            _references(references),
            n,
            to=to,
            region=_region(region),
            where=where,
            weights=_weights(weights),
            per_artist=per_artist,
            per_album=per_album,
            fold=fold,
        )
    if as_json:
        print_json(found.to_dict())
        return
    print_similar(found, located=region is not None)


@app.command()
@handled
def tune(
    reference: Annotated[
        str | None, typer.Argument(metavar="[FILE|ID]", help="The track that you compare with.")
    ] = None,
    library: LibraryOption = None,
    like: Annotated[
        list[str] | None, typer.Option(metavar="FILE|ID", help="A track that sounds like it to you.")
    ] = None,
    dislike: Annotated[
        list[str] | None, typer.Option(metavar="FILE|ID", help="One that does not, although it was found.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the taste, default mine; alone: go by this one again.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Go by the usual weights again; tastes are kept.")] = False,
    forget: Annotated[str | None, typer.Option(metavar="NAME", help="Delete a taste.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Teach searches your taste by a few clicks; without any, list what was learned."""
    clicks = [*(like or ()), *(dislike or ())]
    if bool(clicks) != (reference is not None):
        raise InputError("A click needs a reference, and what is like it or is not.", "Write tune A --like B.")
    if (off or forget is not None) and (clicks or name is not None):
        raise InputError("--off and --forget stand alone.", "Learn, or go back: one at a time.")
    with _open(library) as lib:
        if off or forget is not None:
            lib.untune(forget=forget)
        elif clicks or name is not None:
            liked, disliked = ([(str(reference), other) for other in some or ()] for some in (like, dislike))
            lib.tune(liked, disliked, name=name or "mine")
        learned = lib.tastes()
    if as_json:
        print_json([asdict(taste) for taste in learned])
        return
    rows = [
        (
            taste.name,
            "yes" if taste.in_use else "no",
            len(taste.likes) + len(taste.dislikes),
            number(taste.agreement_before, 2),
            number(taste.agreement, 2),
        )
        for taste in learned
    ]
    notes = [factors_text(taste.factors) for taste in learned]
    columns = ("taste", "in use", "clicks", "agreement before", "agreement")
    print_table(columns, rows, right=("clicks", "agreement before", "agreement"), notes=notes)


@app.command()
@handled
def duplicates(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List what seems to be there more than once, and why; nothing is changed or deleted."""
    with _open(library) as lib:
        groups = lib.duplicates()
    if as_json:
        print_json(groups)
        return
    rows, notes = [], []
    for group in groups:
        paths = [path for track in group["tracks"] for path in track["paths"]]
        rows += [(group["kind"] if i == 0 else "", path) for i, path in enumerate(paths)]
        notes += [*([""] * (len(paths) - 1)), evidence_text(group["evidence"])]
    print_table(("kind", "file"), rows, notes=notes)


@app.command()
@handled
def playlist(
    library: LibraryOption = None,
    mood: Annotated[list[str] | None, typer.Option(help="A mood; may be given several times.")] = None,
    energy: Annotated[tuple[float, float] | None, typer.Option(metavar="LO HI", help="Energy, 0 to 1.")] = None,
    ranked: Annotated[
        bool,
        typer.Option("--ranked", help="Take energies and moods as ranks in the library: 0.9 is above nine tenths."),
    ] = False,
    bpm: Annotated[tuple[float, float] | None, typer.Option(metavar="LO HI", help="Beats per minute.")] = None,
    half_double: Annotated[
        bool, typer.Option("--half-double", help="Count half and double tempo as the same.")
    ] = False,
    key: Annotated[str | None, typer.Option(help="'A minor', 'Am' or '8A'.")] = None,
    compatible_keys: Annotated[
        bool, typer.Option("--compatible-keys", help="Its relative and the keys a fifth away too.")
    ] = False,
    n: Annotated[int | None, typer.Option("-n", help="How many tracks; default 20.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Total length instead of a number of tracks.")] = None,
    curve: Annotated[
        str | None, typer.Option(help="How energy goes: flat, rise, fall or arc, or points: 0.2,0.8,0.4")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="ID", help="First track.")] = None,
    end: Annotated[str | None, typer.Option(metavar="ID", help="Last track.")] = None,
    through: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A track to pass on the way; several in their order.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(metavar="ID", help="A track that must be in it.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="ID", help="A track that must not be in it.")] = None,
    artist: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only tracks by this artist.")] = None,
    without_artist: Annotated[list[str] | None, typer.Option(metavar="NAME", help="No tracks by this artist.")] = None,
    like: Annotated[list[str] | None, typer.Option(metavar="ID", help="A seed track, to sound like.")] = None,
    artist_gap: Annotated[int | None, typer.Option(help="Tracks between two of one artist, at least.")] = None,
    album_gap: Annotated[int | None, typer.Option(help="Tracks between two of one album, at least.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed gives another list.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="What counts between neighbours: tempo=2,key=1,energy=1,timbre=0,loudness=0.3")
    ] = None,
    pitch: Annotated[float | None, typer.Option(help="How far tempo can be changed, percent; default 6.")] = None,
    key_distance: Annotated[
        Literal["camelot", "fifths"] | None, typer.Option(help="Key steps by moves of disc jockeys or shared notes.")
    ] = None,
    again: Annotated[str | None, typer.Option(metavar="NAME", help="Ask again what a saved playlist asked.")] = None,
    revise: Annotated[
        str | None, typer.Option("--from", metavar="NAME|FILE", help="Start from a saved playlist, .m3u8 or .xspf.")
    ] = None,
    extend: Annotated[int, typer.Option(min=0, help="With --from: append so many.")] = 0,
    bridge: Annotated[
        int | None, typer.Option(metavar="POSITION", help="With --from: insert the best bridge behind this one.")
    ] = None,
    replace: Annotated[
        int | None, typer.Option(metavar="POSITION", help="With --from: find another for this one.")
    ] = None,
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep it in the library, with what was asked.")
    ] = None,
    relative: Annotated[bool, typer.Option("--relative", help="Export paths relative to the playlist.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write .m3u8, .xspf, .csv, .json, or .xml for Rekordbox.")
    ] = None,
    write_tags: Annotated[
        bool, typer.Option("--write-tags", help="Show which tags tempo, key and mood would become in its files.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="With --write-tags: write them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build a playlist: choose by mood, energy, tempo and key, then order so that neighbours fit."""
    import time

    asked = {
        "mood": mood or None,
        "energy": energy,
        "ranked": ranked or None,
        "bpm": bpm,
        "half_double": half_double or None,
        "key": key,
        "compatible_keys": compatible_keys or None,
        "n": n,
        "minutes": minutes,
        "curve": _curve(curve),
        "start": start,
        "end": end,
        "waypoints": through or None,
        "include": include or None,
        "exclude": exclude or None,
        "artists": artist or None,
        "without_artists": without_artist or None,
        "like": like or None,
        "artist_gap": artist_gap,
        "album_gap": album_gap,
        "seed": seed,
        "weights": _weights(weights),
        "pitch_percent": pitch,
        "key_distance": key_distance,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if revise is None and (extend or bridge is not None or replace is not None):
        raise InputError("--extend, --bridge and --replace go with --from.", "Name a saved playlist or a file there.")
    if apply and not write_tags:
        raise InputError("--apply goes with --write-tags.", "Look at what --write-tags shows first.")
    began = time.perf_counter()
    with _open(library) as lib:
        if revise is not None:
            made = lib.revise(revise, extend=extend, bridge=bridge, replace=replace, **given)
        else:
            made = lib.playlist(again=again, **given)
        elapsed = round(1000 * (time.perf_counter() - began), 3)
        if export is not None:
            lib.export_playlist(made, export, relative=relative)
        if save is not None:
            former = again if revise is None else revise
            words = next((kept["text"] for kept in lib.playlists() if kept["name"] == former), None)
            lib.save_playlist(save, made, text=words)
        tags = lib.write_tags(made.ids, apply=apply) if write_tags else None
    if as_json:
        print_json({**made.to_dict(), "elapsed_ms": elapsed, **({} if tags is None else {"tags": tags})})
        return
    print_playlist(made)
    if tags is not None:
        print_tags(tags)
    if export is not None:
        say(f"written to {export}")
    if save is not None:
        say(f"saved as {save}")


@app.command()
@handled
def ask(
    words: Annotated[list[str], typer.Argument(metavar="TEXT…", help="What you would like to hear, in English.")],
    library: LibraryOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no language model.")] = False,
    only_read: Annotated[bool, typer.Option("--read", help="Show what was understood, and stop there.")] = False,
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the playlist, with what was understood.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the playlist: .m3u8, .xspf, .csv, .json or .xml.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask in words; what was understood is shown as a command, to be corrected and run again."""
    from workbench.playlist import Playlist

    text = " ".join(words)
    with _open(library) as lib:
        reading = lib.answers.read_request(text, offline=offline)
        if not as_json:
            print_reading(reading)
        if only_read:
            if as_json:
                print_json({"text": text, **reading.to_dict()})
            return
        asked = lib.answers.ask(text, reading=reading)
        made = asked.result
        if (save is not None or export is not None) and not isinstance(made, Playlist):
            raise InputError("What was understood is a search, not a playlist.", "Ask for a playlist by that name.")
        if isinstance(made, Playlist):
            if export is not None:
                lib.export_playlist(made, export)
            if save is not None:
                lib.save_playlist(save, made, text=text)
    if as_json:
        print_json(asked.to_dict())
    elif isinstance(made, Playlist):
        print_playlist(made)
    else:
        print_similar(made)


@app.command()
@handled
def describe(
    what: Annotated[str, typer.Argument(metavar="FILE|ID|NAME", help="A track, or a saved playlist.")],
    other: Annotated[
        str | None, typer.Argument(metavar="[FILE|ID]", help="Another track: say why they are alike, or not.")
    ] = None,
    library: LibraryOption = None,
    tags: Annotated[bool, typer.Option("--tags", help="Suggest tags for the track; nothing is written.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a track or a playlist into words; each sentence names the descriptor that it is about."""
    if tags and other is not None:
        raise InputError("--tags is for one track.", "Leave the other one out.")
    with _open(library) as lib:
        if other is not None:
            found = lib.explain(what, other)
            if as_json:
                print_json(found)
            else:
                say(f"score {found['score']:.2f}: {found['why']}")
            return
        rows = [asdict(one) for one in (lib.suggest_tags(what) if tags else lib.describe(what))]
    if as_json:
        print_json(rows)
    elif tags:
        names = ("name", "value", "descriptor", "confidence")
        print_table(names, [[*(row[name] for name in names[:3]), number(row["confidence"], 2)] for row in rows])
    else:
        print_table(("in words", "descriptor"), [(row["says"], row["descriptor"]) for row in rows])


@app.command()
@handled
def assist(
    what: Annotated[Literal["status"], typer.Argument(help="status: which models are asked, and how they are.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the language models that may read what is asked in words, and what was used today."""
    from workbench.assist.chain import NOT_INSTALLED

    del what
    with _open(library) as lib:
        status = lib.chain.status()
    if as_json:
        print_json(status)
        return
    columns = ("name", "kind", "model", "address", "enabled", "has_key")
    if status["providers"]:
        print_table(columns, [[str(one[name]) for name in columns] for one in status["providers"]], whole=True)
    if status["providers"] and not status["installed"]:
        say(NOT_INSTALLED)
    budget = status["budget"]
    say(
        f"today: {budget['requests']} requests, {budget['tokens']} of {budget['tokens_per_day']} tokens, "
        f"{budget['cost']:.2f} of {budget['cost_per_day']:.2f} US dollars"
    )
    say("The offline parser answers when no model does.")


@app.command()
@handled
def playlists(
    library: LibraryOption = None,
    delete: Annotated[str | None, typer.Option(metavar="NAME", help="Forget this one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the saved playlists; `workbench playlist --from NAME` shows one."""
    import time

    with _open(library) as lib:
        if delete is not None:
            lib.delete_playlist(delete)
        saved = lib.playlists()
    if as_json:
        print_json(saved)
        return
    rows = [
        (p["name"], len(p["tracks"]), time.strftime("%Y-%m-%d %H:%M", time.localtime(p["saved_at"])), p["text"])
        for p in saved
    ]
    print_table(("name", "tracks", "saved", "asked for as"), rows, right=("tracks",))


@app.command()
@handled
def labels(
    name: Annotated[str | None, typer.Argument(help="What labels are about; all of them if left out.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Learn from them, and tell it of all tracks: label.NAME in --where.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Delete that column; the labels stay.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all labels: .parquet, .csv or .json.")
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what people say of tracks, and learn from it: how well it can be told, and a column that tells it."""
    from collections import Counter
    from dataclasses import asdict

    if (apply or forget) and name is None:
        raise InputError("It is not said which labels.", "Name them: `workbench labels NAME --apply`.")
    with _open(library) as lib:
        if forget:
            lib.forget_label_column(str(name))
        if apply:
            lib.apply_labels(str(name))
        if export is not None:
            lib.export_labels(export)
        said = Counter((one.name, one.value) for one in lib.labels() if name in (None, one.name))
        columns = lib.label_columns()
        report = None if name is None else lib.label_report(name)
    rows = [
        {"name": key, "value": value, "labels": n, "tracks_in_column": columns.get(key, {}).get(value or "", 0)}
        for (key, value), n in sorted(said.items(), key=lambda one: (one[0][0], one[0][1] or ""))
    ]
    if as_json:
        print_json({"labels": rows, "report": report and asdict(report)})
        return
    heads = ("label", "value", "labels", "tracks in column")
    print_table(heads, [list(row.values()) for row in rows], right=heads[2:])
    if report is not None:
        say(
            f"{report.accuracy:.0%} of {report.examples} labels are told right by a classifier that was not shown them;"
            f" saying the commonest: {report.chance:.0%}"
        )


@app.command()
@handled
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .parquet, .csv or .json.")],
    library: LibraryOption = None,
    where: WhereOption = None,
    descriptors: Annotated[str | None, typer.Option(help="Append summaries of descriptors: mfcc,chroma")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the tracks as a table for another program."""
    with _open(library) as lib:
        written = lib.export(file, where=where, descriptors=_names(descriptors))
    if as_json:
        print_json({"path": str(written)})
    else:
        say(f"written to {written}")


@app.command()
@handled
def verify(
    library: LibraryOption = None,
    repair: Annotated[bool, typer.Option(help="Forget what is damaged: the next analysis makes it again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that everything stored is as it was committed."""
    from dataclasses import asdict

    with _open(library) as lib:
        found = lib.verify(repair=repair)
    if as_json:
        print_json(asdict(found))
    else:
        say(f"{found.parts} parts, {found.arrays} arrays, {found.tracks} tracks, {found.files} files checked")
        for problem in found.problems:
            say(f"  {problem.part_id or problem.track_id}: {problem.what}")
        if found.problems:
            remedy = "Forgotten: analyze again." if repair else "Run it with --repair, then analyze again."
            say(f"{len(found.problems)} problems. {remedy}")
        else:
            say("all is as it was committed")
    if found.problems and not repair:
        raise typer.Exit(1)


@app.command()
@handled
def collect(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Remove what crashes left behind, and merge small parts."""
    with _open(library) as lib:
        merged = lib.compact()
        found = lib.collect()
    if as_json:
        print_json(
            {
                "removed": found.removed,
                "bytes_freed": found.bytes_freed,
                "in_progress": found.in_progress,
                "merged": merged,
            }
        )
    else:
        say(f"{len(found.removed)} orphans removed ({found.bytes_freed / 1e6:.1f} MB), {merged} parts merged")


@app.command()
@handled
def doctor(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Tell whether this installation and the library are in order, and what to do if not."""
    from workbench.cli.doctor import examine

    checks = examine(library)
    if as_json:
        print_json(checks)
    else:
        rows = [(c["state"], c["what"], c["found"]) for c in checks]
        print_table(("", "what", "found"), rows, notes=[c["remedy"] for c in checks], whole=True)
    if any(check["state"] == "bad" for check in checks):
        raise typer.Exit(1)


def _references(texts: list[str]) -> dict[str | os.PathLike[str], float]:
    """Read references with their weights; a name that ends like one but is that of a file is that file."""
    weighted: dict[str | os.PathLike[str], float] = {}
    for text in texts:
        name, at, weight = text.rpartition("@")
        if at and not os.path.exists(os.path.expanduser(text)):
            try:
                weighted[name] = float(weight)
            except ValueError as error:
                raise InputError(
                    f"{text!r} has no weight behind @.", "Write NAME@0.5, or NAME@-1 for unlike."
                ) from error
        else:
            weighted[text] = 1.0
    return weighted


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _curve(text: str | None) -> str | list[float] | None:
    """Read the name of a curve, or its points."""
    if text is None or not any(letter.isdigit() for letter in text):
        return text
    try:
        return [float(point) for point in text.split(",")]
    except ValueError as error:
        raise InputError(f"--curve {text!r} cannot be read.", "Write rise, or energies such as 0.2,0.8,0.4.") from error


def _region(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    start, _, end = text.partition(":")
    try:
        return float(start), float(end)
    except ValueError as error:
        raise InputError(f"--region {text!r} is not a region.", "Write from:to in seconds, such as 31:35.") from error


def _weights(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        return {name.strip(): float(value) for name, _, value in (pair.partition("=") for pair in text.split(","))}
    except ValueError as error:
        raise InputError(f"--weights {text!r} cannot be read.", "Write timbre=2,rhythm=0.5.") from error
