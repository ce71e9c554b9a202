"""The checks of ``forebay check``, one file each."""
