"""Labels, and columns that are learned from them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench import tabular
from workbench.server.models.labels import (
    AppliedColumn,
    ColumnBody,
    ColumnQuery,
    ColumnValues,
    ColumnValuesBody,
    LabelColumns,
    LabelsKept,
    LearnedReport,
    NextQuery,
    NextToLabel,
)
from workbench.server.route import Route, operation
from workbench.server.service import Service


class AllLabels(Route):
    """What everybody says of all tracks."""

    pattern = "/labels"

    @operation("All labels of all tracks", answer=LabelsKept)
    async def get(self) -> None:
        """Give them."""
        self.answer_bytes(await self.service.call(_labels, self.service))


class ColumnsOfLabels(Route):
    """Columns that were learned from labels."""

    pattern = "/labels/columns"

    @operation("The columns that were learned from labels", answer=LabelColumns)
    async def get(self) -> dict[str, Any]:
        """List them."""
        return {"columns": await self.service.call(lambda: self.service.library.label_columns())}

    @operation("Learn labels of a name, and tell them of all tracks as a column", body=ColumnBody, answer=AppliedColumn)
    async def post(self, asked: ColumnBody) -> dict[str, Any]:
        """Learn."""
        return asdict(await self.service.compose(lambda: self.service.library.apply_labels(asked.name)))

    @operation("Delete such a column; the labels stay", query=ColumnQuery, answer=LabelColumns, refusals=(404,))
    async def delete(self, asked: ColumnQuery) -> dict[str, Any]:
        """Delete it."""
        return {"columns": await self.service.call(_forget, self.service, asked.name)}


class ValuesOfColumn(Route):
    """What a column says of tracks."""

    pattern = "/labels/columns/values"

    @operation(
        "What a column that was learned says of tracks", body=ColumnValuesBody, answer=ColumnValues, refusals=(404,)
    )
    async def post(self, asked: ColumnValuesBody) -> None:
        """Look it up."""
        self.answer_bytes(await self.service.compute(_values, self.service, asked))


class ReportOnLabels(Route):
    """What is learned from labels is worth."""

    pattern = "/labels/report"

    @operation("How well labels of a name can be told, by cross-validation", query=ColumnQuery, answer=LearnedReport)
    async def get(self, asked: ColumnQuery) -> dict[str, Any]:
        """Try it."""
        report = await self.service.compose(lambda: self.service.library.label_report(asked.name))
        return {"report": None if report is None else asdict(report)}


class TracksToLabel(Route):
    """Whose labels would teach most."""

    pattern = "/labels/next"

    @operation("Tracks whose label of a name would teach most, the most useful first", query=NextQuery,
               answer=NextToLabel)  # fmt: skip
    async def get(self, asked: NextQuery) -> dict[str, Any]:
        """Find them."""
        return {"tracks": await self.service.compute(lambda: self.service.library.next_to_label(asked.name, asked.n))}


def _labels(service: Service) -> bytes:
    said = [asdict(label) for label in service.library.labels()]
    return tabular.to_json({"labels": said}, indent=None).encode()


def _values(service: Service, asked: ColumnValuesBody) -> bytes:
    service.require_label_column(asked.name)
    said = service.library.label_column(asked.name, asked.tracks)
    values = {track: asdict(learned) for track, learned in said.items()}
    return tabular.to_json({"values": values}, indent=None).encode()


def _forget(service: Service, name: str) -> dict[str, dict[str, int]]:
    service.require_label_column(name)
    service.library.forget_label_column(name)
    return service.library.label_columns()


routes = [AllLabels, ColumnsOfLabels, ValuesOfColumn, ReportOnLabels, TracksToLabel]
