"""A site of two small applications that need each other: a laboratory server, and a record that asks it by name.

The laboratory's software is an image; the record's is in its backup. One tries to reach a billing system nobody restored.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support import warm
from tests.support.restic_tools import Restic, executable
from tests.support.words import in_words

SERVER = """
import http.server, json, os, sys
root = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = json.dumps({"results": len(os.listdir(root))}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(content))); self.end_headers()
        self.wfile.write(content)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("10.20.0.12", 80), Handler).serve_forever()
"""
RECORD = """
import http.server, json, socket, urllib.request
def ask(url):
    try: return json.load(urllib.request.urlopen(url, timeout=60))
    except OSError as error: return str(error)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = {"laboratory": ask("http://lis.hospital.example/"), "billing": ask("http://billing.hospital.example/")}
        content = json.dumps(answer).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(content))); self.end_headers()
        self.wfile.write(content)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("10.20.0.11", 443), Handler).serve_forever()
"""
APPLICATION = """version: 1
name: {name}
title: {title}
tier: 1
objectives: {{rto: 10m, rpo: 1d}}
backup: {{repositories: [vault], points: {{tags: [app={name}]}}}}
depends_on: [{depends}]
addresses:
  - {{address: {address}, names: [{name}.hospital.example]}}
runbook:
  kind: service
  inputs:
    name: {name}
    command: {command}
    ready: {{host: {address}, port: {port}}}
checks:
  - name: page
    verifier: http
    options: {{url: "http://{address}:{port}/", json: [{{pointer: {pointer}, equals: 3}}]}}
  - name: newest file
    verifier: files
    options: {{root: ".", files_at_least: 1, newest: true}}
"""
FILES = {
    "drp.yml": "version: 1\nname: pod\nlocale: en\n",
    "inventory/repositories.yml": """version: 1
repositories:
  vault: {{kind: restic, executable: {restic}, password: {{file: secrets/password}}, location: {{directory: vault}}}}
""",
    "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB}\n",
    "inventory/drills/both.yml": """version: 1
name: both
scenario: {title: Fire in the machine room, disaster_at: now}
recoveries: [record, lis]
select: {policy: newest}
require_manifest: false
pod: true
""",
}


@dataclass
class PodSite:
    """The site, its production data below it, and its repository."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def image(self) -> Path:
        return self.site / "images" / "lis"

    def make(self) -> PodSite:
        """Write everything, and back both applications up."""
        for name, content in FILES.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.format(restic=executable("current")) if "repositories" in name else content)
        secret = self.site / "secrets" / "password"
        secret.parent.mkdir()
        secret.write_text("correct horse\n")
        secret.chmod(0o600)
        production = self.folder / "production"
        (production / "lis").mkdir(parents=True)
        for number in range(3):
            (production / "lis" / f"result-{number}").write_text(f"sodium {140 + number}")
        (production / "record").mkdir()
        (production / "record" / "main.py").write_text(RECORD)
        self.image.mkdir(parents=True)
        (self.image / "server.py").write_text(SERVER)
        repository = Restic(executable("current"), str(self.site / "vault"), "correct horse").init()
        for name in ("lis", "record"):
            repository.backup(production / name, tags=[f"app={name}"])
        digest = self.drp("app", "image", str(self.image)).stdout.strip()
        self.write("lis", digest=digest)
        self.write("record")
        return self

    def write(self, name: str, *, digest: str = "") -> None:
        """Write an application's file."""
        lis = {
            "title": "Laboratory", "depends": "", "address": "10.20.0.12", "port": 80, "pointer": "/results",
            "command": '[/usr/bin/python3, /opt/lis/server.py, "{restored_root}"]',
        }  # fmt: skip
        record = {
            "title": "Record", "depends": "lis", "address": "10.20.0.11", "port": 443, "pointer": "/laboratory/results",
            "command": '[/usr/bin/python3, "{restored_root}/main.py"]',
        }  # fmt: skip
        said = APPLICATION.format(name=name, **(lis if name == "lis" else record))
        if digest:
            said += f"software:\n  - {{image: images/lis, at: /opt/lis, digest: '{digest}'}}\n"
        path = self.site / "inventory" / "applications" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(said)

    def drp(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run drp on this site."""
        done = warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(self.site)}, timeout=300)
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self) -> tuple[int, list[dict[str, object]], str]:
        """Run the drill; return exit status, events and standard error."""
        done = self.drp("drill", "run", "both", "--json", check=False)
        return done.returncode, [in_words(json.loads(line))["event"] for line in done.stdout.splitlines()], done.stderr

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
