"""What ``forebay init`` guesses, one file each."""
