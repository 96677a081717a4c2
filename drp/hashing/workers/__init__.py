"""The worker processes of the hashing core: tasks out, outcomes back, one that dies is noticed."""
