"""The isolation probe, packed into one file that Python can run: see `drp.sandboxes.launch.packed_probe`."""
