"""Runs inside the sandbox: says whether a text matches a regular expression."""

import json
import re
import sys

request = json.load(sys.stdin)
json.dump({"matches": re.search(request["pattern"], request["text"]) is not None}, sys.stdout)
