"""Calendar files, in which people keep when their house is closed to drills."""
