"""What drp can find, a code a kind of finding, by the part of a drill that finds it."""
