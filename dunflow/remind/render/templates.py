"""Finds and compiles templates: the portfolio's own before the shipped ones."""

import re
from collections.abc import Callable, MutableMapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment

from dunflow.config.book import root
from dunflow.errors import ConfigError
from dunflow.remind.render.slots import READ

SHIPPED: Final = "include/templates"
_LEFT_OVER: Final = re.compile(r"\{\w+\}|\}\}|%\}")
"""A slot of some other kind of template, or one whose opening braces are missing."""


class _Sandbox(ImmutableSandboxedEnvironment):
    def getattr(self, obj: object, attribute: str) -> object:
        """Slots hold texts and numbers only, so what is theirs need not be looked at in full."""
        if type(obj) in READ and attribute in vars(obj):
            return vars(obj)[attribute]
        return super().getattr(obj, attribute)

    def make_globals(self, d: MutableMapping[str, object] | None) -> MutableMapping[str, object]:
        """The original chains the two, and a chain is copied key by key for each text."""
        return {**self.globals, **(d or {})}


class EmptyValue(TemplateError):
    """A template wrote out a value that is not there."""


class EmptySlotError(ConfigError):
    """The same, for whoever renders: another customer may well have the value."""


@lru_cache(maxsize=4096)
def load(language: str, template: str, part: str, folder: Path) -> Template:
    """The compiled part of a template, for the portfolio in `folder`. Compiled once per process.

    Raises ConfigError if it is missing or can't be read as a template.
    """
    name = f"{language}/{template}/{part}"
    sandbox = environment(folder)
    try:
        found = sandbox.get_template(name)
        source = Path(found.filename or "").read_text(encoding="utf-8")
    except TemplateNotFound as err:
        raise ConfigError(
            f"template {name}: there is no such file; write it as templates/{name} in "
            f"{folder.name} or {SHIPPED}/{name}, or name another template in the policy"
        ) from err
    except TemplateSyntaxError as err:
        raise _syntax_error(err) from err
    except UnicodeDecodeError as err:
        raise ConfigError(f"template {name}: is not UTF-8; save it as UTF-8") from err
    if part.endswith(".txt"):
        _refuse_left_overs(sandbox, source, name)
    return found


def is_there(language: str, template: str, part: str, folder: Path) -> bool:
    """Whether the part of a template has a file, whatever it holds."""
    places = (folder / "templates", root() / SHIPPED)
    return any((place / language / template / part).is_file() for place in places)


@lru_cache(maxsize=256)
def environment(folder: Path) -> SandboxedEnvironment:
    """The sandbox in which the portfolio in `folder` renders; the same one each time."""
    return _Sandbox(
        loader=FileSystemLoader([folder / "templates", root() / SHIPPED]),
        undefined=StrictUndefined,
        autoescape=_is_html,
        finalize=_refuse_empty,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def fill(template: Template, values: dict[str, object]) -> str:
    """The template with its values. Raises ConfigError, without any of them, if it is at fault."""
    return _rendered(template, lambda: template.render(values))


def block(template: Template, name: str, values: dict[str, object]) -> str:
    """One block of the template with its values. Raises ConfigError if it has no such block."""
    if name not in template.blocks:
        raise ConfigError(
            f"template {template.name}: has no block {name!r}; letters are made of the blocks "
            "opening and closing, so put them around those paragraphs; calls of those of _base"
        )
    inside = template.blocks[name]
    return _rendered(template, lambda: "".join(inside(template.new_context(values))))


def _rendered(template: Template, render: Callable[[], str]) -> str:
    try:
        return render()
    except TemplateNotFound as err:
        raise ConfigError(
            f"template {template.name}: builds on {err.name}, and there is no such file"
        ) from err
    except TemplateSyntaxError as err:
        raise _syntax_error(err) from err
    except EmptyValue as err:
        raise EmptySlotError(f"template {template.name}: {err.message}") from None
    except TemplateError as err:
        raise ConfigError(
            f"template {template.name}: {err.message}; put the template right"
        ) from err
    except Exception as err:
        # A template is code of the portfolio's, so it may raise anything. Only the kind is told:
        # the text of such an error can quote the values, which are personal data.
        raise ConfigError(
            f"template {template.name}: {type(err).__name__} while it was filled in; "
            "put the template right"
        ) from None


def _syntax_error(err: TemplateSyntaxError) -> ConfigError:
    return ConfigError(
        f"template {err.name}, line {err.lineno}: {err.message}; put the template right"
    )


def _refuse_left_overs(sandbox: SandboxedEnvironment, source: str, name: str) -> None:
    for line, kind, text in sandbox.lex(source, name):
        found = _LEFT_OVER.search(text) if kind == "data" else None
        if found:
            raise ConfigError(
                f"template {name}, line {line}: {found.group()!r} would go out as it stands; "
                "write a variable as {{ name }}"
            )


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith(".html")


def _refuse_empty(value: object) -> object:
    """Stands between each expression of a template and the text: "Dear None" can't be written."""
    if isinstance(value, str):
        empty = not value or value.isspace()
    else:
        empty = value is None or (isinstance(value, float | Decimal) and value != value)
    if empty:
        raise EmptyValue("a value that it writes out is empty; guard it with {% if … %}")
    return value
