"""The helper that works inside network namespaces without running anything in a sandbox; `main` says how it is asked.

Standard library only, no import from outside this package: it runs by itself, without the site's packages.
"""

RESOLVER = ("127.0.0.53", 53)
"""Where the resolver of a run sandbox listens."""
LINK = "eth0"
"""What a member of a pod sees of it: the link to its hub."""
LENT = {2: ("169.254.0.0", 16), 10: ("fd00:a9fe::", 32)}
"""Family → where the addresses lie that members get who declare none: these are answered, and called by nobody."""
TABLES = ("tcp", "tcp6", "udp", "udp6")
"""Files of /proc/net that list the sockets of a namespace."""
