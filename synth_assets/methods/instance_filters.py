"""The instances of one instruction in, the reason to drop each out (Wang et al. 2022, 2.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from synth_assets.methods.instance_reply import Instance


def instance_reasons(
    instances: Sequence[Instance], *, is_cut: bool, is_classification: bool, most: int
) -> list[str | None]:
    """The first rule that each instance breaks, or None:

    cut_off: the reply was cut, and this is its last instance.
    unparsed: the reply does not keep to its form here.
    empty_output, input_equals_output, ends_with_colon: of the instance alone.
    conflicting_outputs: another instance has the same input and another output, so none of the
        instruction can be trusted. Without an input two outputs are two answers to one open task,
        but two labels of one classification contradict each other all the same.
    duplicate_instance: the same input and output stand before it.
    surplus_instance: ``most`` instances before it are kept.
    """
    reasons = [
        "cut_off" if is_cut and place == len(instances) - 1 else _own_reason(instance)
        for place, instance in enumerate(instances)
    ]
    sound = [place for place, reason in enumerate(reasons) if reason is None]
    if _conflict([instances[place] for place in sound], is_classification):
        for place in sound:
            reasons[place] = "conflicting_outputs"
        return reasons
    seen: set[Instance] = set()
    for place in sound:
        if instances[place] in seen:
            reasons[place] = "duplicate_instance"
        elif len(seen) == most:
            reasons[place] = "surplus_instance"
        else:
            seen.add(instances[place])
    return reasons


def _own_reason(instance: Instance) -> str | None:
    if instance.input is None or instance.output is None:
        return "unparsed"
    if not instance.output:
        return "empty_output"
    if instance.input == instance.output:
        return "input_equals_output"
    if instance.input.endswith(COLONS) or instance.output.endswith(COLONS):
        return "ends_with_colon"
    return None


def _conflict(instances: Sequence[Instance], is_classification: bool) -> bool:
    outputs: dict[str | None, set[str | None]] = defaultdict(set)
    for instance in instances:
        if instance.input or is_classification:
            outputs[instance.input].add(instance.output)
    return any(len(different) > 1 for different in outputs.values())


COLONS = (":", "\uff1a")
"""A text that ends so announces what never came. The second is that of Chinese and Japanese."""
