"""Parquet and metadata for `datasets`: rows in, files and the card's front matter out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.export.folder import FileFacts
from synth_assets.export.rows import META, SPLITS

CONFIGS = tuple(META)
BATCH_ROWS = 10_000

ARROW_TYPES = {
    pl.String: pa.string(),
    pl.Int32: pa.int32(),
    pl.Float64: pa.float64(),
    pl.Boolean: pa.bool_(),
}

# Identifiers of licences that the Hub knows; another is ``other`` with its name beside it.
LICENCES = frozenset(
    {
        "apache-2.0", "mit", "isc", "bsd", "bsd-2-clause", "bsd-3-clause", "mpl-2.0", "unlicense",
        "cc", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
        "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
        "odc-by", "odbl", "pddl", "gfdl", "gpl-2.0", "gpl-3.0", "agpl-3.0", "lgpl-3.0", "openrail",
        "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma", "unknown", "other",
    }
)  # fmt: skip
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"),
         (10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip


def file_name(config: str, split: str) -> str:
    return f"data/{config}/{split}-00000-of-00001.parquet"


def write_parquet(stream: BinaryIO, rows: pl.DataFrame) -> int:
    """Writes ``rows`` and returns their bytes in memory, as `datasets` counts them."""
    schema = pa.schema([(name, _arrow_type(dtype)) for name, dtype in rows.schema.items()])
    in_memory = 0
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in rows.iter_slices(BATCH_ROWS):
            table = batch.to_arrow().cast(schema)
            in_memory += table.nbytes
            writer.write_table(table)
    return in_memory


def _arrow_type(dtype: pl.DataType) -> pa.DataType:
    if isinstance(dtype, pl.List):
        return pa.list_(_arrow_type(_as_type(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pa.struct(
            [(field.name, _arrow_type(_as_type(field.dtype))) for field in dtype.fields]
        )
    return ARROW_TYPES[type(dtype)]


def _as_type(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


def splits_of(files: Mapping[str, FileFacts], config: str) -> dict[str, str]:
    """Split → path, for the Parquet files of ``config`` among ``files``."""
    names = {split: file_name(config, split) for split in SPLITS}
    return {split: name for split, name in names.items() if name in files}


def configs_metadata(files: Mapping[str, FileFacts]) -> list[dict[str, Any]]:
    """``configs`` of the front matter: without it no named config can be loaded. The first is the
    default one. A split without rows has no file: `datasets` fails on an empty one."""
    configs: list[dict[str, Any]] = []
    for config in CONFIGS:
        splits = splits_of(files, config)
        if splits:
            default = {} if configs else {"default": True}
            data_files = [{"split": split, "path": path} for split, path in splits.items()]
            configs.append({"config_name": config, **default, "data_files": data_files})
    return configs


def dataset_info(files: Mapping[str, FileFacts], schemas: Mapping[str, pa.Schema]) -> list[Any]:
    """``dataset_info`` of the front matter: `datasets` refuses data that differ from it."""
    infos: list[Any] = []
    for config in CONFIGS:
        splits = splits_of(files, config)
        if not splits:
            continue
        infos.append(
            {
                "config_name": config,
                "features": _features(schemas[config]),
                "splits": [
                    {
                        "name": split,
                        "num_bytes": files[path]["arrow_bytes"],
                        "num_examples": files[path]["rows"],
                    }
                    for split, path in splits.items()
                ],
                "download_size": sum(files[path]["bytes"] for path in splits.values()),
                "dataset_size": sum(files[path]["arrow_bytes"] for path in splits.values()),
            }
        )
    return infos


def _features(fields: Any) -> list[dict[str, Any]]:
    return [{"name": field.name, **_feature(field.type)} for field in fields]


def _feature(dtype: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(dtype):
        inner = _feature(dtype.value_type)
        return {"list": inner.get("struct", inner.get("dtype"))}
    if pa.types.is_struct(dtype):
        return {"struct": _features(dtype)}
    name = {"double": "float64"}.get(str(dtype), str(dtype))
    return {"dtype": name}


def licence_metadata(licence: str | None) -> dict[str, str]:
    """``license`` as the Hub knows it; otherwise ``other`` with the name beside it."""
    known = (licence or "").strip().lower()
    if known in LICENCES:
        return {"license": known}
    return {"license": "other", "license_name": known.replace(" ", "-") or "unknown"}


def size_category(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "n>1B")
