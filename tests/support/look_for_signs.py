"""Restored software that would behave well in a drill and badly in production: it looks for anything that tells them apart.

Run inside a sandbox on its bare Python. ``once`` prints what it found, as JSON; ``serve`` goes on looking for as long
as it runs, is asked by HTTP and HL7, and answers with what it found: `[place, words]` for each sign. Nothing is left
out here: what cannot be hidden is allowed by name, with its reason, in `tests/support/signs.py`.
"""

import contextlib
import grp
import http.server
import json
import os
import pwd
import re
import socket
import sys
import threading
import time

SIGN = re.compile(
    r"drp|drill|restor(?!econ)|sandbox|recover|probe|(?<![a-z-])agent|backup|verif|canary|tripwire|bwrap|bubblewrap|bindfile|newroot|ansible"
    r"|rehears|exercise|(?<![a-z])test(?![a-z])",
    re.IGNORECASE,
)
SIZE = 1 << 20
FILES = 4000
LOOK_SECONDS = 0.005
found = {}
passing = set()


def note(place, text):
    """Keep what of a text is a sign, with what stands around it."""
    if isinstance(text, bytes):
        text = text.replace(b"\0", b" ").decode("utf-8", "replace")
    for sign in SIGN.finditer(text):
        around = text[max(0, sign.start() - 20) : sign.end() + 20]
        found.setdefault(f"{place} {sign.group().lower()}", " ".join(around.split()))


def note_file(path, place=None):
    """Look into a file, and never wait for one."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            note(place or path, os.read(handle, SIZE))
        finally:
            os.close(handle)


def note_link(path, place):
    with contextlib.suppress(OSError):
        note(place, os.readlink(path))


def listing(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def process(number, names=("cmdline", "comm", "environ", "cgroup", "cpuset", "mountinfo", "status")):
    """Look at whatever one process shows of itself, and into the files that it holds open."""
    place = "/proc/" + number
    for name in names:
        note_file(f"{place}/{name}", "process " + name)
    for name in ("exe", "cwd", "root"):
        note_link(f"{place}/{name}", "process " + name)
    for name in listing(place + "/task"):
        note_file(f"{place}/task/{name}/comm", "process thread")
    for name in listing(place + "/fd"):
        path = f"{place}/fd/{name}"
        note_link(path, "process descriptor")
        if number != str(os.getpid()) and "memfd:" in (os.readlink(path) if os.path.islink(path) else ""):
            note_file(path, "process memory file")


def processes(*names):
    for number in listing("/proc"):
        if number.isdigit():
            with contextlib.suppress(OSError):
                process(number, *names)


def files():
    """Look at names in whatever is not the machine's own /usr, and into what is small and not restored."""
    left = FILES
    note("name", " ".join(listing("/")))
    for top in ("/etc", "/run", "/tmp", "/dev", "/data"):
        for folder, folders, names in os.walk(top):
            folders[:] = [each for each in folders if folder + "/" + each not in ("/etc/alternatives", "/etc/ssl")]
            note("name", " ".join([folder, *folders, *names]))
            for name in names:
                path = folder + "/" + name
                left -= 1
                if left > 0 and top in ("/etc", "/run", "/tmp") and name != "ld.so.cache" and os.path.isfile(path):
                    note_file(path)


def system():
    for path in (
        "/proc/self/mountinfo", "/proc/self/cgroup", "/proc/self/status", "/proc/net/unix", "/proc/keys", "/proc/key-users",
        "/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg", "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/domainname", "/proc/swaps", "/proc/locks",
    ):  # fmt: skip
        note_file(path)
    note("environment", json.dumps(dict(os.environ)))
    note("host name", " ".join([socket.gethostname(), *os.uname()[1:2]]))
    for entry in pwd.getpwall():
        note("account", " ".join(map(str, entry)))
    for entry in grp.getgrall():
        note("group", " ".join(map(str, entry)))
    for descriptor in range(3):
        note_link(f"/proc/self/fd/{descriptor}", "standard stream")


def network():
    """Ask whoever answers in here: the sinks for mail and messages, and the resolver."""
    with contextlib.suppress(OSError):
        note("own name", " ".join([socket.getfqdn(), *map(str, socket.getaddrinfo(socket.gethostname(), 80))]))
    for port, words in ((25, [b"EHLO me\r\n", b"MAIL FROM:<a@b>\r\n", b"DATA\r\n", b"x\r\n.\r\n", b"HELP\r\n", b"QUIT\r\n"]),
                        (2575, [b"\x0bMSH|^~\\&|ENGINE|WARD|LIS|LAB|20261121||ADT^A01|7|P|2.5\rEVN|A01\r\x1c\r"])):  # fmt: skip
        with contextlib.suppress(OSError), socket.create_connection(("192.0.2.77", port), timeout=2) as peer:
            peer.settimeout(2)
            if port == 25:
                note("mail server", peer.recv(4096))
            for word in words:
                peer.sendall(word)
                said = peer.recv(4096)
                note("mail server" if port == 25 else "message receiver", said)
                if b"20000101" in said:
                    found["message receiver date"] = "the date of no day"
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04bind\x00\x00\x10\x00\x03"
    with contextlib.suppress(OSError, IndexError), open("/etc/resolv.conf") as source:
        server = re.findall(r"nameserver (\S+)", source.read())[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(2)
            peer.sendto(question, (server, 53))
            note("resolver", peer.recv(4096)[len(question) :])


def watch():
    """Look at processes that come and go, again and again."""
    while True:
        processes(("cmdline", "comm", "environ"))
        files_of_the_moment()
        time.sleep(LOOK_SECONDS)


def files_of_the_moment():
    for folder in ("/run", "/tmp", "/dev/shm"):
        for name in listing(folder):
            note("name", folder + "/" + name)


class Page(http.server.BaseHTTPRequestHandler):
    """Looks at how it is asked, and answers with every sign so far."""

    def do_GET(self):
        note("HTTP request", f"{self.requestline} {self.headers}")
        text = json.dumps(sorted([place, words] for place, words in found.items())).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        return


def interface():
    """Take messages over MLLP, look at them, and acknowledge them."""
    listener = socket.create_server(("127.0.0.1", 8025))
    while True:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.settimeout(60)
            message = peer.recv(1 << 16).strip(b"\x0b\x1c\r")
            note("HL7 message", message)
            control = message.split(b"|")[9] if message.count(b"|") > 9 else b""
            peer.sendall(b"\x0bMSH|^~\\&|A|B|C|D|20261121||ACK|1|P|2.5.1\rMSA|AA|" + control + b"\x1c\r")


def main():
    for look in (system, processes, files):
        look()
    if sys.argv[1:] == ["once"]:
        network()
        print(json.dumps(sorted([place, words] for place, words in found.items())))
        return
    for work in (watch, interface):
        threading.Thread(target=work, daemon=True).start()
    http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Page).serve_forever()


main()
