"""Where recovery points are kept: restic on a local directory, on S3 and on an air-gapped medium. drp only reads."""
