"""The resolved annotations of a class."""

from __future__ import annotations

import ast
import dataclasses
import sys
import typing
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints


class Unresolved(NamedTuple):
    """An annotation with a name that does not exist at run time."""

    text: str
    why: str


def hints_of(cls: Any) -> dict[str, Any]:
    """Returns the annotations of a class and its bases by name."""
    try:
        return get_type_hints(cls)
    except Exception:
        # One that can't be resolved must not hide the others.
        return _one_by_one(cls)


def type_arguments(cls: Any) -> dict[Any, Any]:
    """Returns the type for each type variable of a class, or of one with arguments such as ``Page[int]``."""
    origin = get_origin(cls) or cls
    known = dict(zip(getattr(origin, "__parameters__", ()), get_args(cls)))
    for base in getattr(origin, "__orig_bases__", ()):
        if get_origin(base) not in (None, typing.Generic):
            filled = substitute(base, known)
            known = {**type_arguments(filled), **known}
    return known


def substitute(annotation: Any, known: dict[Any, Any]) -> Any:
    """Replaces the type variables of an annotation: by their bounds, if nothing else is known."""
    if isinstance(annotation, TypeVar):
        found = known.get(annotation, annotation.__bound__ or Any)
        return Any if isinstance(found, TypeVar) else found
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or get_origin(annotation) is None:
        return annotation
    return annotation[tuple(known.get(parameter, Any) for parameter in parameters)]


_WRAPPERS = {"Required", "NotRequired", "ReadOnly", "Final", "ClassVar"}


def bare(annotation: Any) -> Any:
    """Strips what says nothing about the value from an annotation: ``Annotated``, ``Final``, ``NewType``, a name."""
    while True:
        origin = get_origin(annotation)
        if isinstance(annotation, dataclasses.InitVar):
            annotation = annotation.type
        elif hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        elif origin is not None and getattr(origin, "_name", None) in _WRAPPERS:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif origin is not None and type(origin).__name__ == "TypeAliasType":
            known = dict(zip(origin.__type_params__, get_args(annotation)))
            annotation = substitute(origin.__value__, known)
        else:
            return annotation


def is_union(annotation: Any) -> bool:
    """Returns whether it is ``Union[…]``, ``Optional[…]`` or ``A | B``."""
    origin = get_origin(annotation)
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def _one_by_one(cls: Any) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(getattr(cls, "__mro__", (cls,))):
        module = sys.modules.get(base.__module__)
        # The module's names win, as in Python: `date: Optional[date] = None` means the class, not the default.
        # A class inside a function is found only by its own name.
        names = {**vars(base), **(vars(module) if module is not None else {}), base.__name__: base}
        for name, annotation in _own(base).items():
            hints[name] = _resolved(annotation, names)
    return hints


def _own(base: Any) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(base, format=annotationlib.Format.FORWARDREF)
    return dict(vars(base).get("__annotations__") or {})


def _resolved(annotation: Any, names: dict[str, Any]) -> Any:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
    if text is None:
        try:
            # Its inner annotations may be texts, too.
            holder = type("holder", (), {"__annotations__": {"it": annotation}})
            return get_type_hints(holder, names)["it"]
        except Exception as error:
            return Unresolved(str(annotation), str(error))
    try:
        return _evaluate(text, names)
    except Exception as error:
        return Unresolved(text, str(error))


def _evaluate(text: str, names: dict[str, Any]) -> Any:
    tree: ast.Expression = ast.parse(text, mode="eval")
    if sys.version_info < (3, 10):
        # There, `int | None` may be written but not evaluated.
        tree = ast.fix_missing_locations(_Unions().visit(tree))
    found = eval(compile(tree, "<annotation>", "eval"), {**names, _UNION: Union})
    return type(None) if found is None else _resolved(found, names) if isinstance(found, str) else found


_UNION = "_ubiqlite_union"


class _Unions(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.BitOr):
            return node
        sides = ast.Tuple([node.left, node.right], ast.Load())
        return ast.Subscript(ast.Name(_UNION, ast.Load()), sides, ast.Load())
