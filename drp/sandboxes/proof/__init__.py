"""Proof that a sandbox is isolated: probes inside, a tripwire outside."""
