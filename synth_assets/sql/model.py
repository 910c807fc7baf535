"""One SQL file and its declaration in, a `SqlModel` out: what it reads, says and promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.render import Source, read_source
from synth_assets.sql.schema_file import ModelEntry, data_tests_of

Layer = Literal["staging", "marts", "checks"]


@dataclass(frozen=True)
class SqlModel:
    """A model: one SELECT in one file.

    layer: ``marts`` are tables of the lake; ``staging`` models are never stored, whoever refers to
    one has it as a CTE; ``checks`` are singular tests.
    key: the id column that is unique in it. columns: name → description, as declared.
    tests: declared ones and the singular checks that name this model.
    """

    name: str
    path: Path
    layer: Layer
    source: Source
    description: str = ""
    key: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[DataTest, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        """Names it refers to, in the order of their first use."""
        return tuple(use.name for use in self.source.refs)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables it uses."""
        return tuple(use.name for use in self.source.variables)


def read_model(path: Path, layer: Layer, entry: ModelEntry | None, declared_in: Path) -> SqlModel:
    """The model in ``path``, described by its entry of ``declared_in``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SqlModelError(f"{path}: cannot be read ({error})") from error
    source = read_source(str(path), text)
    if entry is None:
        return SqlModel(path.stem, path, layer, source)
    return SqlModel(
        name=path.stem,
        path=path,
        layer=layer,
        source=source,
        description=entry.description.strip(),
        key=entry.key,
        columns={column.name: column.description.strip() for column in entry.columns},
        tests=data_tests_of(declared_in, entry),
    )
