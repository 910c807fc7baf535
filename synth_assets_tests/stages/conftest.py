"""The finished run of a whole recipe, made once for the tests of stages and graph together."""

from synth_assets_tests.graph.conftest import finished

__all__ = ["finished"]
