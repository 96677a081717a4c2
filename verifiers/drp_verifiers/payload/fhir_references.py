"""Runs inside the sandbox: what the resources of a FHIR server refer to, and whether it can be looked for here."""

import re

NAMED = 20
OTHERS = ("others",)
MOST_VALUES = 200_000
LITERAL = re.compile(r"([A-Z][A-Za-z]{2,40})/([A-Za-z0-9.\-]{1,64})(?:/_history/([A-Za-z0-9.\-]{1,64}))?")
ODD = re.compile(r"([A-Z][A-Za-z]{2,40})/([^/?#|\s]{1,200})")
CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{2,40})\?")
ABSOLUTE = re.compile(rf"([^?#\s]+?)/{LITERAL.pattern}")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
REFERENCE_KEYS = {"identifier", "type", "display", "id", "extension"}


class References:
    """Literal references (FHIR R4 §2.3.0) to this server, and what else resources refer to."""

    def __init__(self, server, external):
        """Take the server, and the addresses of others that the site declares."""
        self.server = server
        self.declared = [address.rstrip("/").partition("://")[2] for address in external]
        self.wanted = set()
        self.odd = set()
        """Of those, the ones whose id FHIR does not allow."""
        self.contained, self.logical = 0, 0
        self.missing = []
        """Contained resources that are referred to and are not there."""
        self.external, self.foreign, self.unrecognised = {}, {}, {}

    def of(self, resource):
        """Collect the references of a resource, of those contained in it, and of a bundle's."""
        pending, left = [(resource, resource, frozenset())], MOST_VALUES
        while pending:
            value, holder, inside = pending.pop()
            left -= 1
            if left < 0:
                count(self.unrecognised, ("large-resource",))
                return
            if isinstance(value, list):
                pending += [(item, holder, inside) for item in value if isinstance(item, (dict, list))]
                continue
            if value.get("resourceType") == "Bundle":
                listed = value.get("entry")
                urls = (
                    [entry.get("fullUrl") for entry in listed if isinstance(entry, dict)]
                    if isinstance(listed, list)
                    else []
                )
                inside = frozenset(url for url in urls if isinstance(url, str))
            self.one(value, holder, inside)
            for key, item in value.items():
                if isinstance(item, (dict, list)):
                    held = item if key == "resource" and isinstance(item, dict) else holder
                    pending.append((item, held, inside))

    def one(self, value, holder, inside):
        """Sort what one element refers to."""
        literal = value.get("reference")
        if isinstance(literal, str):
            self.literal(literal.strip(), holder, inside)
        elif literal is not None and not isinstance(literal, (dict, list)):
            count(self.unrecognised, ("no-text",))
        elif isinstance(value.get("identifier"), dict) and set(value) <= REFERENCE_KEYS:
            self.logical += 1
        address = value.get("url")
        if isinstance(address, str) and "contentType" in value:  # an attachment that lies on this server
            rest = self.server.here(address) if "://" in address else address
            match = LITERAL.fullmatch(rest or "")
            if match:
                self.wanted.add((match[1], match[2], match[3]))

    def literal(self, text, holder, inside):
        """Sort a literal reference."""
        if text in inside:
            self.contained += 1
        elif text.startswith("#"):
            self.fragment(text[1:], holder)
        elif SCHEME.match(text) and "://" in text:
            rest = self.server.here(text)
            if rest is None:
                self.elsewhere(text)
            else:
                self.relative(rest)
        elif SCHEME.match(text):
            form = ":".join(text.split(":")[: 2 if text.startswith("urn:") else 1])[:20]
            count(self.unrecognised, ("form", form))
        else:
            self.relative(text)

    def fragment(self, name, holder):
        """Look for a contained resource where it must be: in the resource that holds it."""
        listed = holder.get("contained")
        names = [each.get("id") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        if not name or name in names:
            self.contained += 1
        else:
            self.missing.append(f"{holder.get('resourceType')}/{holder.get('id')}#{name}"[:150])

    def relative(self, text):
        """Want what a reference to this server names, if it can be asked for."""
        match = LITERAL.fullmatch(text)
        if match:
            self.wanted.add((match[1], match[2], match[3]))
            return
        conditional = CONDITIONAL.match(text)
        odd = ODD.fullmatch(text)
        if conditional:
            count(self.unrecognised, ("conditional", conditional[1]))
        elif odd:
            self.wanted.add((odd[1], odd[2], None))
            self.odd.add((odd[1], odd[2], None))
        else:
            count(self.unrecognised, ("another-form",) if text else ("empty",))

    def elsewhere(self, text):
        """Count a reference to another server, by its address alone."""
        rest = text.partition("://")[2]
        for address in self.declared:
            if rest == address or rest.startswith((address + "/", address + "?")):
                count(self.external, address[:100])
                return
        match = ABSOLUTE.fullmatch(text)
        count(self.foreign, (match[1] if match else "/".join(text.split("/")[:3]))[:100])

    def said(self):
        """Return the counts for the answer."""
        return {
            "contained": self.contained,
            "missing": self.missing[:NAMED],
            "missed": len(self.missing),
            "logical": self.logical,
            "external": self.external,
            "foreign": self.foreign,
            "unrecognised": [[list(form), number] for form, number in self.unrecognised.items()],
        }


def count(kinds, name):
    """Count one more of a kind; of many kinds, the later ones together."""
    if name not in kinds and len(kinds) >= NAMED:
        name = OTHERS if isinstance(name, tuple) else "others"
    kinds[name] = kinds.get(name, 0) + 1
