"""The hash of a template in, its text out, where a file of today still has that hash."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from synth_assets.errors import TemplateError
from synth_assets.recipe import Recipe
from synth_assets.templates import Template, load_template


class TemplateTexts:
    """Every template that rows of a recipe can rest on: the package's, and its own files."""

    def __init__(self, recipe: Recipe) -> None:
        self._by_name = {name: load_template(name) for name in _names()}
        for method, parameters in recipe.methods():
            try:
                own = method.templates(parameters, recipe.resolve)
                self._by_name |= {template.name: template for template in own}
            except TemplateError:
                continue  # a file that is gone has no text of today
        self._by_hash: dict[str, Template] = {t.hash: t for t in self._by_name.values()}

    def told(self, hash: str | None, name: str | None) -> dict[str, str | None] | None:
        """name, hash, text and note; text is null where the file says something else today."""
        if hash is None:
            return None
        known = self._by_hash.get(hash)
        if known is not None:
            return {"name": known.name, "hash": hash, "text": known.source, "note": None}
        note = f"today's text of {name} is another" if name in self._by_name else "no file has it"
        return {
            "name": name,
            "hash": hash,
            "text": None,
            "note": f"{note}; the call's request shows it as it was filled",
        }


def _names() -> list[str]:
    root = files("synth_assets.templates")
    return sorted(
        f"{folder.name}/{file.name.removesuffix('.txt')}"
        for folder in root.iterdir()
        if folder.is_dir()
        for file in _texts(folder)
    )


def _texts(folder: Traversable) -> list[Traversable]:
    return [file for file in folder.iterdir() if file.name.endswith(".txt")]
