"""The network of sandboxes: pods, name answers, recorders of what tried to leave."""
