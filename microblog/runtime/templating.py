"""The Jinja2 environment of pages and mails: HTML is escaped, undefined names fail, all templates compile at start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape


def compile_templates(
    directory: Path,
    translations: NullTranslations,
    values: Mapping[str, object],
    filters: Mapping[str, Callable[..., Any]] | None = None,
    *,
    prefix: str = "",
) -> dict[str, Template]:
    """Return the compiled templates of ``directory`` whose names begin with ``prefix``.

    Templates see ``values`` as globals, and translate through ``_`` and ``{% trans %}``. Only ``.txt`` is not escaped.

    :raises jinja2.TemplateError: a template is broken.
    """
    environment = Environment(
        loader=FileSystemLoader(directory),
        autoescape=select_autoescape((), disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(values)
    environment.filters.update(filters or {})
    names = environment.list_templates(filter_func=lambda name: name.startswith(prefix))
    return {name: environment.get_template(name) for name in names}
