"""The vocabulary and the pure rules of a drill. Standard library only; no input, no output, no clock."""
