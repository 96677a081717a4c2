"""What is asked, tried and written down of repositories outside drills."""
