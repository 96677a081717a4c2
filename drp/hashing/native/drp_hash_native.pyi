from collections.abc import Container

INTERFACE: int
VERSION: str

def look(
    directory: int,
    names: list[bytes],
    start: int,
    stop: int,
    others: Container[bytes],
    flags: int,
    buffer: memoryview,
    horizon: int,
    codes: bytes,
    most: int,
    budget: int,
    ahead: int,
    forget: bool,
    attributes: bool,
    /,
) -> tuple[int, int, int, bytes, bytes, bytes, int, tuple[int, int, int] | None]: ...
def entries(directory: int, /) -> tuple[list[bytes], list[bytes], list[bytes]] | None: ...
def tree(
    prefix: bytes,
    names: list[bytes],
    fixed: bytes,
    owners: bytes,
    digests: bytes,
    salts: bytes,
    leaf: bytes,
    node: bytes,
    /,
) -> bytes: ...
def digest(codes: bytes, data: bytes, /) -> bytes: ...
def sound() -> bool: ...
