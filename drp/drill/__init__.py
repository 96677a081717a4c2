"""The control flow of a drill: phases as functions, conducted over ports, with no engine and no adapter in sight."""
