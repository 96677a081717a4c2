"""Runs where nothing restored does: names the settings of a restored configuration that name or hold code."""

import configparser
import hashlib
import json
import sys

from orthanc_configuration import sections
from regular import small_text

OF_TRYTON = ("class", "convert_command", "args", "kwargs", "passlib")
OF_ORTHANC = ("Plugins", "LuaScripts", "LuaHeartBeatPeriod", "PythonScript", "Python", "Java", "Pkcs11",
              "ServeFolders", "Odbc")  # fmt: skip


def tryton(path):
    """Yield the settings of a trytond.conf: classes, commands, and what is evaluated (trytond/wsgi.py)."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(small_text(path))
    for section in parser.sections():
        for name, value in parser.items(section):
            if section.startswith("wsgi") or name in OF_TRYTON:
                yield f"[{section}] {name}", value


def orthanc(path):
    """Yield the settings of an orthanc.json, or of a folder of such: plugins, scripts, modules, folders that answer."""
    for name, value in sections(path).items():
        if name in OF_ORTHANC and value:
            yield name, json.dumps(value, sort_keys=True)


def shown(text):
    """Return restored text bounded, and without anything that a terminal would act on."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)[:1000]


if __name__ == "__main__":
    given, answer = json.load(sys.stdin), {"code": {}}
    read = {"ini": tryton, "json": orthanc}[given["kind"]]
    try:
        for setting, said in read(given["path"]):
            answer["code"][shown(setting)] = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
    except (OSError, ValueError, configparser.Error, RecursionError) as error:
        answer["reason"] = type(error).__name__
    json.dump(answer, sys.stdout)
