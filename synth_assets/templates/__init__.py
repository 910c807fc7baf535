"""Prompt texts as data files: a path and values in, a rendered text and the template's hash out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import jinja2
from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from synth_assets.errors import TemplateError
from synth_assets.identity import content_id

MAX_RENDERED_CHARACTERS = 4_000_000
MAX_TEMPLATE_CHARACTERS = 200_000
ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name)
"""What a template is made of: text and slots. No loops, conditions, filters or attributes: a
template decides nothing, and filling it costs no more than its length."""

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
)


def template_folder() -> Path:
    """Where the package's own templates lie."""
    return Path(str(files("synth_assets.templates")))


@dataclass(frozen=True)
class Template:
    """A text with slots ``{{ name }}``. One strict pass: braces inside values stay text."""

    name: str
    source: str
    slots: frozenset[str]

    @property
    def hash(self) -> str:
        return content_id("template", self.source)

    def render(self, **values: str) -> str:
        """Fills the slots. A missing or a surplus value raises `TemplateError`."""
        missing, surplus = self.slots - values.keys(), values.keys() - self.slots
        if missing or surplus:
            raise TemplateError(
                f"template {self.name}: slots without a value {sorted(missing)}, values without a "
                f"slot {sorted(surplus)}"
            )
        text = _compiled(self.source).render(values)
        if len(text) > MAX_RENDERED_CHARACTERS:
            raise TemplateError(
                f"template {self.name}: {len(text)} characters once rendered, more than "
                f"{MAX_RENDERED_CHARACTERS}; shorten the prompt"
            )
        return text


@lru_cache(maxsize=512)
def _compiled(source: str) -> jinja2.Template:
    """To compile a template costs a hundred times what it costs to fill its slots."""
    return _environment.from_string(source)


def parse_template(name: str, source: str) -> Template:
    """A template from its text; whatever is neither text nor a slot raises, with its line."""
    if len(source) > MAX_TEMPLATE_CHARACTERS:
        raise TemplateError(
            f"template {name}: {len(source):,} characters, more than {MAX_TEMPLATE_CHARACTERS:,}"
        )
    try:
        tree = _environment.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"template {name}, line {error.lineno}: {error.message}; a slot is written "
            "{{ prompt }}, with two braces on each side"
        ) from error
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, ALLOWED):
            raise TemplateError(
                f"template {name}, line {node.lineno}: only text and slots such as "
                "{{ prompt }} stand in a template; write {% raw %}…{% endraw %} around braces "
                "that are meant as text"
            )
    slots = frozenset(slot.name for slot in tree.find_all(nodes.Name))
    if "self" in slots:  # Jinja's own, which no value can fill
        raise TemplateError(f"template {name}: a slot cannot be called self; take another name")
    return Template(name, source, slots)


@cache
def load_template(name: str) -> Template:
    """A template of this package, such as ``evol_instruct/breadth``; of another as
    ``package:folder/name``."""
    package, colon, path = name.rpartition(":")
    folder = files(package if colon else "synth_assets.templates")
    try:
        return parse_template(name, (folder / f"{path}.txt").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        where = f"the package {package}" if colon else "synth_assets/templates"
        raise TemplateError(f"there is no template {path!r} in {where}") from error


def load_template_file(path: Path) -> Template:
    """A template of a person's own, named in a recipe."""
    try:
        return parse_template(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError(f"template {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"template {path}: is not UTF-8; save it as UTF-8") from error


def quote(label: str, text: str) -> str:
    """``text`` between two marks that it cannot close, because the mark holds a hash of it.

    Text from a model is untrusted: shown to a judge, it must not be able to end its own quotation.
    """
    mark = content_id("quotation", text)[:10]
    return f"[{label} {mark}]\n{text}\n[end of {label} {mark}]"
