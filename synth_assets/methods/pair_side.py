"""A reply in, a completion that may stand in preference pairs only out: it never enters sft_set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.identity import content_id, text_hash
from synth_assets.llm.request import Reply
from synth_assets.method import Material
from synth_assets.methods.completions import is_self_training


def pair_side(
    reply: Reply,
    *,
    prompt: Mapping[str, Any],
    method: str,
    teacher: str,
    material: Material,
    sample_index: int = 0,
    system_text: str | None = None,
    earlier_call_ids: tuple[str, ...] = (),
    template_hash: str | None = None,
) -> dict[str, object]:
    """A row of the completions' columns; without a text there is a status."""
    text = reply.text if reply.text and reply.text.strip() else None
    status = "empty" if text is None and reply.status in ("ok", "cut") else reply.status
    model = material.models[teacher]
    return {
        "completion_id": content_id(
            "completion", prompt["prompt_id"], method, teacher, sample_index, text
        ),
        "prompt_id": prompt["prompt_id"],
        "round": prompt["round"],
        "teacher": teacher,
        "model": model.model,
        "sample_index": sample_index,
        "principle": None,
        "system_text": system_text,
        "text": text,
        "text_hash": None if text is None else text_hash(text),
        "status": status,
        "error": reply.error,
        "is_self_training": is_self_training(teacher, model, material.student),
        "method": method,
        "is_for_pairs_only": True,
        "call_id": reply.call_id,
        "earlier_call_ids": list(earlier_call_ids),
        "template_hash": template_hash,
        "licence": model.licence,
        "origin": f"model:{teacher}",
    }
