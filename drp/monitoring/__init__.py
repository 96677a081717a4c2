"""Who is told what: messages, pings for a dead man, metrics, spans. Nothing here decides anything."""
