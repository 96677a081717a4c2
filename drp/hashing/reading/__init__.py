"""Looking at trees: names, metadata and digests of what lies there, fast and without following links."""
