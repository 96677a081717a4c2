"""Reports: a pure function of the evidence record. Same record, same language, same bytes; no clock is read."""
