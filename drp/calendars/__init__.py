"""Calendars of a site, whose events close the house to drills: files in the form of RFC 5545."""
