"""What is found out of repositories outside drills, and written into the register."""
