"""Where recovery points are kept: a folder a kind, on directories, buckets and air-gapped media. drp only reads."""
