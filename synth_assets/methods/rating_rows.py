"""What a judge is shown of a prompt, and its ratings as rows of the declared columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth_assets.identity import content_id
from synth_assets.methods.prompt_rows import messages_of, transcript
from synth_assets.templates import quote

NO_REFERENCE = "No reference answer is known."


def prompt_slots(prompt: Mapping[str, Any]) -> dict[str, str]:
    """Values for the slots ``prompt`` and ``reference`` of a judge's template, each inside a
    quotation that it cannot close."""
    reference = prompt["reference"]
    return {
        "prompt": quote("prompt", transcript(messages_of(prompt))),
        "reference": NO_REFERENCE if reference is None else quote("reference answer", reference),
    }


def rating_row(
    judge: str, criterion: str, *, completion_id: Any, call_ids: Sequence[str | None], **values: Any
) -> dict[str, object]:
    """A row of a table of ratings; what is not given is null. The id follows from completion,
    judge and criterion; of the calls the last is the one that the rating was read from."""
    *earlier, call_id = call_ids
    neutral = dict.fromkeys(("rating", "rationale", "position", "order_seed", "template_hash"))
    return {
        "judgment_id": content_id("judgment", completion_id, judge, criterion),
        "completion_id": completion_id,
        "judge": judge,
        "criterion": criterion,
        **neutral,
        "call_id": call_id,
        "earlier_call_ids": earlier,
        **values,
    }
