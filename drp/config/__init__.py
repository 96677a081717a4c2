"""The site directory: YAML files in, domain values out, or every problem at once with file, line and column.

Two layers only: the files, and the flags of the command line above them. No templates, no includes, no inheritance,
no environment. Secrets appear as references that `secrets.py` resolves at the moment of use.
"""
