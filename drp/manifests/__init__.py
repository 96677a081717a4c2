"""The manifest format: how it lies on disk, is written, read, proven and exported."""
