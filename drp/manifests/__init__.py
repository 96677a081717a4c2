"""The manifest format, which FORMAT.md specifies: how it lies on disk, is written, read, proven and exported."""
