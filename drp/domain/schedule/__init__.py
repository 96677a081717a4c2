"""When drills are due, what became of every occasion, and why. Pure, standard library only."""
