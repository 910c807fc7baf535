"""Drives NVIDIA NeMo Data Designer: a seed column of prompts, one column that a model makes."""

from __future__ import annotations

import data_designer.config as dd  # pyright: ignore[reportMissingImports]
import pandas
from data_designer.config.run_config import ResumeMode  # pyright: ignore[reportMissingImports]
from data_designer.interface import DataDesigner  # pyright: ignore[reportMissingImports]

from benchmarks.peers.driving import ANSWER, Task, drive, is_usable

FORM = {"type": "json_schema", "json_schema": {"name": "Answer", "schema": ANSWER, "strict": True}}


def ask(task: Task, prompts: list[str], name: str) -> int:
    folder = task.subfolder(name)
    model = dd.ModelConfig(
        alias="it",
        model="m",
        provider="here",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(
            max_parallel_requests=task.concurrency,
            temperature=0.7,
            max_tokens=64,
            timeout=task.timeout_s,
            # Else the form is only told in words, which the server does not read.
            extra_body={"response_format": FORM} if task.is_structured else None,
        ),
    )
    seeds = folder / "seeds.parquet"
    if not seeds.exists():
        pandas.DataFrame({"text": prompts}).to_parquet(seeds)
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(seeds)))
    column = {"name": "said", "model_alias": "it", "prompt": "{{ text }}"}
    builder.add_column(
        dd.LLMStructuredColumnConfig(**column, output_format=ANSWER)
        if task.is_structured
        else dd.LLMTextColumnConfig(**column)
    )
    designer = DataDesigner(
        artifact_path=folder,
        model_providers=[dd.ModelProvider(name="here", endpoint=task.base_url, api_key="none")],
    )
    buffer = {} if task.buffer is None else {"buffer_size": task.buffer}
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None, **buffer))
    made = designer.create(builder, num_records=len(prompts), resume=ResumeMode.IF_POSSIBLE)
    return sum(is_usable(task, value) for value in made.load_dataset()["said"])


if __name__ == "__main__":
    drive(ask)
