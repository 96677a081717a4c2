"""How referents and a waiting drill meet: a directory with private modes, and SSH signatures."""

from drp.sign_off.desk import DirectoryDesk
from drp.sign_off.signature import sign, verify
from drp.sign_off.visitor import Refused, Visitor

__all__ = ["DirectoryDesk", "Refused", "Visitor", "sign", "verify"]
