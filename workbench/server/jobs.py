"""Jobs: analyzing files of the server or uploads, and what becomes of it."""

from __future__ import annotations

import os
import uuid
from dataclasses import asdict
from typing import Any

from workbench.jobs.estimate import Estimate
from workbench.jobs.manager import AnalyzeOptions, JobStatus
from workbench.picker.jail import Jail
from workbench.server.guard import allowed_paths
from workbench.server.models.jobs import (
    BatchOptions,
    BatchRequest,
    EstimateAnswer,
    EstimateBody,
    FailuresPage,
    FailuresQuery,
    Folder,
    FolderQuery,
    JobRecord,
    JobsPage,
    JobsQuery,
)
from workbench.server.models.limits import MOST_UPLOADS
from workbench.server.problem import Problem
from workbench.server.route import Route, operation
from workbench.server.service import Service


class BatchAnalyze(Route):
    """Analyze many files."""

    pattern = "/audio/batch-analyze"

    @operation(
        "Analyze files below the allowed roots, or uploads; GET /jobs/{job_id} tells how far it is",
        body=BatchRequest,
        files="files",
        options=BatchOptions,
        most_files=MOST_UPLOADS,
        answer=JobRecord,
        status=202,
    )
    async def post(self, asked: BatchRequest | BatchOptions) -> dict[str, Any]:
        """Put a job into the queue."""
        if isinstance(asked, BatchRequest):
            job = await self.service.call(_submit_paths, self.service, asked, self.owner)
        else:
            job = await self.service.call(self._submit_upload, AnalyzeOptions(**asked.model_dump()))
        self.set_header("Location", f"{self.request.path.removesuffix(self.pattern)}/jobs/{job.job_id}")
        return job.to_dict()

    def _submit_upload(self, options: AnalyzeOptions) -> JobStatus:
        assert self.upload is not None
        folder = self.service.library.path / "uploads" / uuid.uuid4().hex
        files = self.upload.take(folder)
        return self.service.jobs.submit([str(file) for file in files], options=options, owner=self.owner)


class EstimateAnalysis(Route):
    """What an analysis would take."""

    pattern = "/audio/estimate"

    @operation("How many files an analysis would find, how many of them are new, and how long it takes",
               body=EstimateBody, answer=EstimateAnswer)  # fmt: skip
    async def post(self, asked: EstimateBody) -> dict[str, Any]:
        """Look through the folders."""
        return asdict(await self.service.compute(_estimate, self.service, asked))


class FoldersRoute(Route):
    """Where one may choose what to analyze."""

    pattern = "/folders"

    @operation("What a folder holds that may be analyzed", query=FolderQuery, answer=Folder)
    async def get(self, asked: FolderQuery) -> dict[str, Any]:
        """Look into it."""
        return await self.service.call(_look, self.service, asked.path)


class Jobs(Route):
    """All jobs."""

    pattern = "/jobs"

    @operation("A page of jobs, newest first", query=JobsQuery, answer=JobsPage)
    async def get(self, asked: JobsQuery) -> dict[str, Any]:
        """Give a page."""
        jobs, mark = await self.service.call(lambda: self.service.jobs.list(**asked.model_dump()))
        return {"jobs": [job.to_dict() for job in jobs], "next": mark}


class Job(Route):
    """One job."""

    pattern = "/jobs/{job_id}"

    @operation("How a job stands", answer=JobRecord, refusals=(404,))
    async def get(self, job_id: str) -> dict[str, Any]:
        """Give its state."""
        return (await self.service.call(lambda: self.service.jobs.get(int(job_id)))).to_dict()

    @operation("Stop a job; what it has committed stays", answer=JobRecord, refusals=(404, 409))
    async def delete(self, job_id: str) -> dict[str, Any]:
        """Stop it."""
        return (await self.service.call(lambda: self.service.jobs.cancel(int(job_id)))).to_dict()


class ResumeJob(Route):
    """A job that was stopped."""

    pattern = "/jobs/{job_id}/resume"

    @operation("Go on with a job that was stopped or has failed", answer=JobRecord, status=202, refusals=(404, 409))
    async def post(self, job_id: str) -> dict[str, Any]:
        """Put it back into the queue."""
        return (await self.service.call(lambda: self.service.jobs.resume(int(job_id)))).to_dict()


class JobFailures(Route):
    """What could not be analyzed."""

    pattern = "/jobs/{job_id}/failures"

    @operation("Files of a job that failed, with reason and remedy", query=FailuresQuery, answer=FailuresPage,
               refusals=(404,))  # fmt: skip
    async def get(self, job_id: str, asked: FailuresQuery) -> dict[str, Any]:
        """Give a page."""
        failures, mark = await self.service.call(
            lambda: self.service.jobs.failures(int(job_id), after=asked.after, limit=asked.limit)
        )
        return {"failures": failures, "next": mark}


def _submit_paths(service: Service, asked: BatchRequest, owner: str) -> JobStatus:
    paths, roots = allowed_paths(asked.paths, service.settings.roots)
    options = AnalyzeOptions(**asked.model_dump(exclude={"paths"}))
    return service.jobs.submit(paths, options=options, owner=owner, within=roots)


def _estimate(service: Service, asked: EstimateBody) -> Estimate:
    paths, roots = allowed_paths(asked.paths, service.settings.roots)
    return service.library.estimate(*paths, within=roots)


def _look(service: Service, path: str | None) -> dict[str, Any]:
    roots = [root for root in service.settings.roots if root.expanduser().is_dir()]
    if not roots:
        raise Problem(403, "This server lets nobody look into folders. Upload the audio.", code="path-not-allowed")
    (folder,), real_roots = allowed_paths([os.fspath(roots[0].expanduser()) if path is None else path], roots)
    return {**asdict(Jail(roots).look(folder)), "roots": real_roots}


routes = [BatchAnalyze, EstimateAnalysis, FoldersRoute, Jobs, Job, ResumeJob, JobFailures]
