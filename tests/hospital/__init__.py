"""A small real hospital: GNU Health (EHR), a second GNU Health (LIS) and Orthanc (PACS), to be backed up and lost.

It is the source side of demo and tests. It knows nothing of drp, and drp never imports it: GNU Health is GPL
software in a virtual environment of its own, spoken to only over JSON-RPC, SQL and files.
"""
