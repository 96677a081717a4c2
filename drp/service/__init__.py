"""The service floor: whoever wants a drill asks here, from any thread, process or event loop."""
