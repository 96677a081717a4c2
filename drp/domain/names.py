"""Names of people as records and views show them: what only looks like a letter is told apart from the letter.

A name is what somebody typed. It may hold a Cyrillic a in a Latin word, full-width letters, or characters that show
nothing; the reader would take it for another's. Names in any one script are left as they are. After Unicode TS 39
(mixed scripts and whole-script confusables), with the letters of Latin's neighbours only.
"""

from __future__ import annotations

import re
import unicodedata

from drp.domain.phrase import fact
from drp.domain.visible import is_visible

_MOST_WORDS = 8
LONGEST = 200
"""Characters of a name that are shown."""

_LATIN_LOOKALIKES = frozenset(
    "АВЕЅІЈКМНОРСТУХԌԚԜаеоріјѕсухһԁԛԝүҮᴦԍЬЗбѴѵӀӏ"
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανικρτυχϲϳϹϺ"
    "ՍՏՕօսոհցզոյքԼ"  # Armenian
    "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎵᎷᎻᎽᏀᏃᏎᏏᏔᏚᏞᏟᏢᏦᏧᏴ"
)
_STRANGE_LATIN = frozenset("ɑɡɩɪʀʟʙɢʜɴʏ")
_SPACES = "\u00a0\u202f"
_BLANKS = re.compile(f"[ {_SPACES}]+")
_WRITTEN_TOGETHER = ({"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"}, {"HANGUL", "CJK"}, {"BOPOMOFO", "CJK"})
_WORD = re.compile(r"\S+")
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_SPELT = str.maketrans({"æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ø": "o"})


def shown_name(text: str, limit: int = LONGEST) -> str:
    """Return a name with every character named that looks like another or like none: ``Dur[U+0430 CYRILLIC …]nd``."""
    shown = _shown_whole(text[:limit])
    return shown[: 4 * limit] + ("…" if len(text) > limit or len(shown) > 4 * limit else "")


def signature_of(principal: str, name: str) -> str:
    """Return whose signature stands under what name, for the command line: who was verified comes first."""
    given = f"under the name {shown_name(name)}"
    return (
        fact("signed", "{principal}, signed {given}", principal=shown_name(principal), given=given)
        if principal
        else fact("nobody-s-signature", "nobody's signature, {given}", given=given)
    )


def is_ambiguous(text: str) -> bool:
    """Return whether a name holds what may be taken for something else."""
    return _shown_whole(text) != unicodedata.normalize("NFC", text)


def _shown_whole(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    if composed.isascii() and composed.isprintable():
        return composed
    alone = _only_lookalikes(composed)
    parts, end = [], 0
    for word in _WORD.finditer(composed):
        parts += [_plain(composed[end : word.start()]), _shown(word[0], alone=alone)]
        end = word.end()
    return "".join([*parts, _plain(composed[end:])])


def same_name(one: str, other: str) -> bool:
    """Return whether two names are the same but for case, blanks and the composition of accents."""
    return _folded(one) == _folded(other)


def bears(principal: str, name: str) -> bool:
    """Return whether a principal such as ``n.durand@chu.example`` says the name itself: ``N. Durand``.

    Its letters are whole words or initials of the name, at least one a whole word of three letters. Accents do not
    count, ``ue`` is ``ü``. A name that may be taken for another never fits.
    """
    if is_ambiguous(name):
        return False
    if same_name(principal, name):
        return True
    letters = "".join(_words(principal.partition("@")[0], {}))
    return any(_spells(letters, _words(name, table)) for table in ({}, _TRANSCRIBED))


def _spells(letters: str, words: list[str]) -> bool:
    """Return whether letters are whole words and initials, each word taken once, one of three letters whole."""
    reached = {(0, frozenset[int](), False)}
    while reached:
        if any(place == len(letters) and whole for place, _, whole in reached):
            return True
        reached = {
            (place + len(part), taken | {number}, whole or (part == words[number] and len(part) >= 3))
            for place, taken, whole in reached
            for number in set(range(len(words))) - taken
            for part in {words[number], words[number][0]}
            if letters.startswith(part, place)
        }
    return False


def _words(text: str, table: dict[int, str]) -> list[str]:
    folded = unicodedata.normalize("NFC", text.casefold()).translate(table).translate(_SPELT)
    bare = "".join(each for each in unicodedata.normalize("NFD", folded) if not unicodedata.combining(each))
    return re.findall(r"[^\W_]+", bare[:LONGEST])[:_MOST_WORDS]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(each for each in _BLANKS.split(text) if each).casefold())


def _plain(text: str) -> str:
    return "".join(each if each == " " or is_visible(each) or each in _SPACES else _named(each) for each in text)


def _shown(word: str, *, alone: bool) -> str:
    scripts = {script for each in word if (script := _script(each))}
    mixed = len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER)
    latin = "LATIN" in scripts
    return "".join(
        _named(each)
        if _strange(each) or (mixed and _script(each) not in {"", "LATIN" if latin else None})
        or (alone and each in _LATIN_LOOKALIKES)
        else each
        for each in word
    )  # fmt: skip


def _only_lookalikes(text: str) -> bool:
    """Return whether the letters that are not Latin could all be taken for Latin ones: nothing tells the reader."""
    foreign = [each for each in text if _script(each) not in {"", "LATIN"}]
    return bool(foreign) and all(each in _LATIN_LOOKALIKES for each in foreign)


def _script(character: str) -> str:
    """Return the script of a letter by the first word of its name; empty: common to all."""
    if character.isascii():
        return "LATIN" if character.isalpha() else ""
    if not unicodedata.category(character).startswith("L") or unicodedata.category(character) == "Lm":
        return ""
    return unicodedata.name(character, "UNNAMED").split(" ")[0]


def _strange(character: str) -> bool:
    """Return whether a character shows nothing, or stands for another by compatibility, as full-width letters do."""
    if character.isascii():
        return not character.isprintable()
    if not is_visible(character) or character in _STRANGE_LATIN:
        return True
    counts = unicodedata.category(character)[0] in "LN"
    return counts and unicodedata.normalize("NFKC", character) != unicodedata.normalize("NFC", character)


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"[U+{ord(character):04X}{f' {name}' if name else ''}]"
