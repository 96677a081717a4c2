"""`make bare`: the README's first command on minimal Debian machines, as each kind of user. Standard library only."""
