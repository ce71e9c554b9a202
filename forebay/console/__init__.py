"""How commands talk to people: arguments, errors, tables, figures, words."""
