"""The name of a provider in, its transport out."""

from __future__ import annotations

from synth_assets.llm.transports import Transport
from synth_assets.llm.transports.litellm_providers import LitellmProviders
from synth_assets.llm.transports.offline import Offline
from synth_assets.llm.transports.openai_compatible import OpenAICompatible
from synth_assets.llm.transports.recorded import Recorded
from synth_assets.llm.transports.scripted import Scripted
from synth_assets.recipe import Recipe


def make_transport(provider: str, recipe: Recipe) -> Transport:
    """A new transport for ``provider``; what is none of ours goes through litellm."""
    match provider:
        case "offline":
            return Offline()
        case "openai_compatible":
            return OpenAICompatible()
        case "recorded":
            return Recorded(recipe)
        case "scripted":
            return Scripted()
        case _:
            return LitellmProviders()
