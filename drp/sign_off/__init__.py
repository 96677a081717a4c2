"""How people and a waiting drill meet: a directory with private modes, and SSH signatures."""

from drp.sign_off.approvals import ApprovalDirectory, HandedInApproval
from drp.sign_off.desk import DirectoryDesk
from drp.sign_off.signature import sign, verify
from drp.sign_off.visitor import Refused, Visitor, hand_over

__all__ = [
    "ApprovalDirectory",
    "DirectoryDesk",
    "HandedInApproval",
    "Refused",
    "Visitor",
    "hand_over",
    "sign",
    "verify",
]
