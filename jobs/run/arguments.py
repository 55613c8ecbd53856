"""The arguments that every command of a study takes."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Conf = Annotated[str, typer.Option("--conf", help="run file, such as conf/runs/demo.yaml")]
Waves = Annotated[list[str] | None, typer.Option("--wave", help="only this wave; may be repeated")]
Countries = Annotated[list[str] | None, typer.Option("--country", help="only this country; may be repeated")]
Log = Annotated[
    Literal["text", "json"],
    typer.Option("--log", help="json: a line of JSON for each event on standard output, too"),
]
Lineage = Annotated[
    str | None, typer.Option("--lineage", help="file to which OpenLineage's events of the run are added")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="key.sub=value laid over the run file; may be repeated")
]
