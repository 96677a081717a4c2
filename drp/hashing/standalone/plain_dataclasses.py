"""A small stand-in for the standard `dataclasses`, packed into `drp-hash` in its place so that it starts faster.

The standard module loads `inspect`, and compiles methods of every class at once: together a quarter of the time that
the tool takes to start. This one knows what the core uses of it, and compiles a constructor when it is first called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MISSING = object()


class FrozenInstanceError(AttributeError):
    """A field of a frozen instance was to be changed."""


class Field:
    """What `field` returns: how a field gets its value when the caller names none."""

    __slots__ = ("default", "default_factory")

    def __init__(self, default: object, default_factory: Any) -> None:
        """Either may be missing."""
        self.default, self.default_factory = default, default_factory


def field(*, default: object = _MISSING, default_factory: Any = _MISSING) -> Any:
    """Return a description of a field."""
    return Field(default, default_factory)


def dataclass(*, frozen: bool = False, slots: bool = True, kw_only: bool = False) -> Callable[[type], type]:
    """Return a decorator that makes classes with slots, as the standard one does with ``slots=True``."""
    del slots

    def decorate(cls: type) -> type:
        names = tuple(cls.__annotations__)
        fields = {name: _field(cls, name) for name in names}
        body = {key: value for key, value in vars(cls).items() if key not in {*names, "__dict__", "__weakref__"}}
        body |= {"__slots__": names, "__dataclass_fields__": fields, "__match_args__": () if kw_only else names}
        body |= {"__repr__": _repr, "__eq__": _eq, "__hash__": _hash if frozen else None}
        body["__init__"] = _lazy_init(fields, kw_only=kw_only)
        if frozen:
            body |= {"__setattr__": _refuse, "__delattr__": _refuse}
        made = type(cls)(cls.__name__, cls.__bases__, body)
        made.__qualname__ = cls.__qualname__
        return made

    return decorate


def asdict(instance: Any) -> dict[str, Any]:
    """Return the fields of an instance whose values are plain: nothing inside them is converted or copied."""
    return {name: getattr(instance, name) for name in instance.__dataclass_fields__}


def replace(instance: Any, /, **changes: object) -> Any:
    """Return another instance with some fields changed."""
    return type(instance)(**({name: getattr(instance, name) for name in instance.__dataclass_fields__} | changes))


def _field(cls: type, name: str) -> Field:
    default = vars(cls).get(name, _MISSING)
    return default if isinstance(default, Field) else Field(default, _MISSING)


def _lazy_init(fields: dict[str, Field], *, kw_only: bool) -> Callable[..., None]:
    """Return a constructor that replaces itself by a compiled one."""

    def __init__(self: Any, *values: object, **named: object) -> None:  # noqa: N807 - it is one
        cls = type(self)
        made = cls.__init__ = _compiled_init(cls, fields, kw_only=kw_only)
        made(self, *values, **named)

    return __init__


def _compiled_init(cls: type, fields: dict[str, Field], *, kw_only: bool) -> Any:
    known: dict[str, Any] = {"_MISSING": _MISSING}
    arguments, lines = ["self", *(["*"] if kw_only else [])], []
    for name, one in fields.items():
        known[f"_set_{name}"] = vars(cls)[name].__set__
        value, default = name, ""
        if one.default_factory is not _MISSING:
            known[f"_make_{name}"] = one.default_factory
            value, default = f"_make_{name}() if {name} is _MISSING else {name}", "=_MISSING"
        elif one.default is not _MISSING:
            known[f"_default_{name}"] = one.default
            default = f"=_default_{name}"
        arguments.append(name + default)
        lines.append(f"    _set_{name}(self, {value})")
    exec(f"def __init__({', '.join(arguments)}):\n" + "\n".join(lines or ["    pass"]), known)  # noqa: S102 - our own names
    return known["__init__"]


def _values(instance: Any) -> tuple[object, ...]:
    return tuple(getattr(instance, name) for name in instance.__dataclass_fields__)


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"cannot change field {name!r} of a {type(self).__qualname__}")
