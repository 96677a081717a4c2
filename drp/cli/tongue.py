"""The language in force on the terminal: that of its reader, not the site's.

`--lang` before the noun decides, else the locale (LC_ALL, LC_MESSAGES, LANG, and LANGUAGE as GNU's programs read it).
The site's language is that of its reports; it is not asked, since help is wanted where there is no site. Documents for
machines stay English.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ENGLISH = "en"
_WITH_VALUE = {"--site", "--lang"}


@dataclass(slots=True)
class _InForce:
    tag: str = ENGLISH
    said: bool = False


_in_force = _InForce()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A language, whether the command line says it, and the locale that there are no words for, if that was asked."""

    tag: str
    said: bool = False
    missing: str = ""


def choose(arguments: Sequence[str], environment: Mapping[str, str]) -> Chosen:
    """Return the language of a call. One that is said and is not there is the option's to refuse.

    Where a shell asks for completions, the words of its line are the arguments.
    """
    if "_DRP_COMPLETE" in environment:
        line = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS", "")
        arguments = line.split()[1:]
    said = _said(arguments)
    if said and _is_there(said):
        return Chosen(said, said=True)
    locale = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environment.get(name))), "")
    if _tag(locale) == ENGLISH:  # also C: then GNU's programs do not read LANGUAGE either
        return Chosen(ENGLISH)
    wanted = [each for each in environment.get("LANGUAGE", "").split(":") if each] or [locale]
    for each in wanted:
        if _is_there(_tag(each)):
            return Chosen(_tag(each))
    return Chosen(ENGLISH, missing=wanted[0])


def speak(chosen: Chosen) -> None:
    """Let a language be in force from now on."""
    _in_force.tag, _in_force.said = chosen.tag, chosen.said


def spoken() -> str:
    """Return the tag of the language in force."""
    return _in_force.tag


def said() -> str | None:
    """Return the language that the command line says, None: it says none."""
    return _in_force.tag if _in_force.said else None


def told(text: str) -> str:
    """Return what help says, in the language in force: paragraph by paragraph, each looked up by its English words."""
    if _in_force.tag == ENGLISH or not text:
        return text
    from drp.cli.catalogue import translations

    known = translations(_in_force.tag)
    return "\n\n".join(known.get(each, each) for each in paragraphs(text))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text, each in one line: as catalogues have them."""
    return [" ".join(each.split()) for each in text.split("\n\n")]


def _said(arguments: Sequence[str]) -> str:
    """Return the value of ``--lang`` before the noun; empty without one."""
    found = ""
    rest = iter(arguments)
    for each in rest:
        name, equals, value = each.partition("=")
        if not name.startswith("-"):
            break
        if name in _WITH_VALUE and not equals:
            value = next(rest, "")
        if name == "--lang":
            found = value
    return found


def _tag(locale: str) -> str:
    """Return the language of a locale such as ``fr_FR.UTF-8``."""
    name = locale.partition(".")[0].partition("@")[0].partition("_")[0].lower()
    return ENGLISH if name in {"", "c", "posix"} else name


def _is_there(tag: str) -> bool:
    if tag == ENGLISH:
        return True
    from drp.share import languages

    return tag in languages()


def must_be_there(tag: str) -> str:
    """Return the tag of a language. Raises ``UsageError`` for one that there are no words in."""
    if not _is_there(tag):
        from drp.domain.phrase import say, several
        from drp.errors import UsageError
        from drp.share import languages

        there = say("use one of: {languages}", languages=several(languages()))
        raise UsageError(say("there are no words in language {language}", language=repr(tag[:20])), hint=there)
    return tag
