"""The small stand-in for dataclasses that `drp-hash` is packed with does what the standard module does."""

from __future__ import annotations

import dataclasses

import pytest

from drp.hashing.standalone import plain_dataclasses as plain


def make(module):
    @module.dataclass(slots=True)
    class Rows:
        """Docstring."""

        names: list[bytes]
        size: int = 3
        extras: dict[int, int] = module.field(default_factory=dict)

        def double(self) -> int:
            return self.size * 2

    @module.dataclass(frozen=True, slots=True, kw_only=True)
    class Frozen:
        """Docstring."""

        path: str
        rows: tuple[int, ...] = (1, 2)

        @property
        def long(self) -> bool:
            return len(self.rows) > 1

    @module.dataclass(slots=True)
    class Empty:
        """Docstring."""

    return Rows, Frozen, Empty


@pytest.fixture(params=[dataclasses, plain], ids=["standard", "plain"])
def classes(request):
    return request.param, *make(request.param)


def test_constructs_with_defaults_and_factories(classes):
    module, rows, frozen, empty = classes
    first, second = rows([b"a"]), rows([b"a"], 3, {})
    assert first == second
    assert first.extras is not rows([b"a"]).extras
    assert (first.size, first.double(), rows(names=[], size=5).size) == (3, 6, 5)
    assert frozen(path="p").long
    assert frozen(path="p") == frozen(path="p", rows=(1, 2)) != frozen(path="q")
    assert len({frozen(path="p"), frozen(path="p")}) == 1
    assert empty() == empty()
    assert first != frozen(path="p")
    assert module.asdict(first) == {"names": [b"a"], "size": 3, "extras": {}}
    assert module.replace(frozen(path="p"), rows=(3,)) == frozen(path="p", rows=(3,))
    assert module.replace(first, size=4).names is first.names
    assert repr(frozen(path="p")).endswith("Frozen(path='p', rows=(1, 2))")


def test_refuses_what_does_not_fit(classes):
    module, rows, frozen, _ = classes
    with pytest.raises(TypeError):
        rows()
    with pytest.raises(TypeError):
        frozen("p")
    with pytest.raises(TypeError):
        frozen(path="p", other=1)
    with pytest.raises(TypeError):
        hash(rows([]))
    with pytest.raises(module.FrozenInstanceError):
        frozen(path="p").path = "q"
    with pytest.raises(module.FrozenInstanceError):
        del frozen(path="p").path
    with pytest.raises(AttributeError):
        rows([]).unknown = 1


def test_has_slots_and_keeps_what_the_class_is_called(classes):
    _, rows, frozen, _ = classes
    assert rows.__slots__ == ("names", "size", "extras")
    assert not hasattr(rows([]), "__dict__")
    assert (rows.__name__, rows.__module__, rows.__doc__) == ("Rows", __name__, "Docstring.")
    assert frozen.__match_args__ == ()
