"""What the docstrings below a spec's fields say, for schemas.

Pydantic can take them itself (`use_attribute_docstrings`), but then every command reads and parses the sources of all
specs when it starts: a third of what importing them took. Only schemas need the texts, and messages made of schemas.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Described(BaseModel):
    """A model in whose JSON schema each field is described by the docstring below it."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """https://docs.pydantic.dev/latest/concepts/json_schema/#implementing-__get_pydantic_json_schema__"""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        texts = field_texts(cls)
        for name, field in cls.model_fields.items():
            shown = properties.get(field.alias)
            # A reference shows the text of what it leads to.
            if shown and name in texts and handler.resolve_ref_schema(shown).get("description") != texts[name]:
                shown.setdefault("description", texts[name])
        return schema


@cache
def field_texts(kind: type) -> Mapping[str, str]:
    """The text below each field of a class, by the field's name; those of its bases included."""
    texts = dict[str, str]()
    for part in reversed(kind.__mro__):
        if vars(part).get("__annotations__"):
            texts.update(_written(part))
    return texts


def _written(kind: type) -> Iterator[tuple[str, str]]:
    """https://peps.python.org/pep-0258/#attribute-docstrings"""
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return
    [definition] = ast.parse(textwrap.dedent(source)).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, inspect.cleandoc(words)
            case _:
                pass
