"""The isolation probe, packed into one text that Python can run: see `drp.sandboxes.packing.packed_probe`."""
