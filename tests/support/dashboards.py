"""The Grafana dashboards, one a language, from one description: `python -m tests.support.dashboards`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drp.share import shared

FOLDER = shared("reports") / "dashboards"
RULES = FOLDER / "drp-alerts.yml"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_CHOSEN = 'application=~"$application"'

Panel = tuple[str, str, str, tuple[tuple[str, str], ...], str, int]
"""Kind, English title, French title, (expression, legend), unit, width of 24."""
PANELS: tuple[Panel, ...] = (
    ("stat", "Evidence verifies", "La preuve se vérifie", (("drp_evidence_ok", "{{instance}}"),), "bool_yes_no", 4),
    ("stat", "Proven", "Prouvés", (('sum(drp_due_state{state="proven"})', ""),), "none", 4),
    (
        "stat",
        "Overdue or never proven",
        "En retard ou jamais prouvés",
        (('sum(drp_due_state{state=~"overdue|never"})', ""),),
        "none",
        4,
    ),
    ("stat", "Wrong now", "Alertes en cours", (("sum by (gravity) (drp_alerts)", "{{gravity}}"),), "none", 4),
    (
        "stat",
        "Scheduler silent for",
        "Silence de l’ordonnanceur",
        (("drp_scheduler_silent_seconds", "{{instance}}"),),
        "s",
        4,
    ),
    (
        "stat",
        "Journal verified ago",
        "Journal vérifié il y a",
        (("drp_journal_verified_age_seconds", "{{instance}}"),),
        "s",
        4,
    ),
    (
        "table",
        "State of each application and level",
        "État de chaque application et niveau",
        ((f"drp_due_state{{{_CHOSEN}}} == 1", ""),),
        "none",
        12,
    ),
    (
        "table",
        "Newest drill",
        "Dernier exercice",
        ((f"drp_last_drill_verdict{{{_CHOSEN}}} == 1", ""),),
        "none",
        12,
    ),
    (
        "timeseries",
        "Age of the proof, as a part of what is allowed",
        "Âge de la preuve, en proportion du maximum",
        (
            (
                f"drp_proven_age_seconds{{{_CHOSEN}}} / drp_proven_max_age_seconds{{{_CHOSEN}}}",
                "{{application}}/{{level}}",
            ),
        ),
        "percentunit",
        12,
    ),
    (
        "timeseries",
        "Since the newest drill",
        "Depuis le dernier exercice",
        ((f"time() - drp_last_drill_timestamp_seconds{{{_CHOSEN}}}", "{{application}}/{{level}}"),),
        "s",
        12,
    ),
    (
        "timeseries",
        "RTA and RTO",
        "RTA et DMIA",
        (
            (f"drp_rta_seconds{{{_CHOSEN}}}", "{{application}} RTA"),
            (f"drp_rto_seconds{{{_CHOSEN}}}", "{{application}} RTO"),
        ),
        "s",
        12,
    ),
    (
        "timeseries",
        "RPA and RPO",
        "RPA et PDMA",
        (
            (f"drp_rpa_lower_seconds{{{_CHOSEN}}}", "{{application}} RPA ≥"),
            (f"drp_rpa_upper_seconds{{{_CHOSEN}}}", "{{application}} RPA ≤"),
            (f"drp_rpo_seconds{{{_CHOSEN}}}", "{{application}} RPO"),
        ),
        "s",
        12,
    ),
    (
        "bargauge",
        "Phases of the newest drill",
        "Phases du dernier exercice",
        ((f"drp_phase_seconds{{{_CHOSEN}}}", "{{application}} {{phase}}"),),
        "s",
        12,
    ),
    (
        "timeseries",
        "Slots by their end",
        "Créneaux selon leur issue",
        ((f"sum by (ending) (drp_slots_ended{{{_CHOSEN}}})", "{{ending}}"),),
        "none",
        12,
    ),
    (
        "timeseries",
        "Drills at work, cut off; slots that are open",
        "Exercices en cours, interrompus ; créneaux ouverts",
        (("drp_drills_running", "running"), ("drp_drills_unfinished", "cut off"), ("drp_slots_open", "open slots")),
        "none",
        12,
    ),
    (
        "timeseries",
        "Not told yet",
        "Pas encore signalé",
        (("drp_alerts_undelivered", "{{target}}"),),
        "none",
        12,
    ),
)
NAMES = {"en": ("drp.json", "Disaster recovery drills"), "fr": ("drp-fr.json", "Exercices de reprise d’activité")}


def dashboard(tag: str) -> str:
    """Return a dashboard in a language, as its file is."""
    panels, x, y = [], 0, 0
    for number, panel in enumerate(PANELS, start=1):
        height = 4 if panel[0] == "stat" else 8
        panels.append(_panel(number, panel, tag, {"x": x, "y": y, "w": panel[5], "h": height}))
        x += panel[5]
        if x >= 24:
            x, y = 0, y + height
    content = {
        "title": NAMES[tag][1],
        "uid": f"drp-{tag}",
        "tags": ["drp"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-30d", "to": "now"},
        "templating": {"list": [_source_variable(), _application_variable()]},
        "panels": panels,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _panel(number: int, panel: Panel, tag: str, place: dict[str, int]) -> dict[str, Any]:
    kind, english, french, queries, unit, _ = panel
    table = kind == "table"
    return {
        "id": number,
        "type": kind,
        "title": english if tag == "en" else french,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
                **({"instant": True, "format": "table"} if table else {}),
            }
            for index, (expression, legend) in enumerate(queries)
        ],
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _application_variable() -> dict[str, Any]:
    return {
        "name": "application",
        "type": "query",
        "label": "Application",
        "datasource": _SOURCE,
        "query": "label_values(drp_due_state, application)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
    }


def queries(text: str) -> Iterator[str]:
    """Yield every query of a dashboard as Prometheus gets it when all applications are chosen."""
    content = json.loads(text)
    for panel in content["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$application", ".*")
    for variable in content["templating"]["list"]:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", str(variable["query"]))
        if found is not None:
            yield f"count by ({found[2]}) ({found[1]})"


def files() -> dict[Path, str]:
    """Return every dashboard's file and what it should hold."""
    return {FOLDER / name: dashboard(tag) for tag, (name, _) in NAMES.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
