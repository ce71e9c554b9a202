"""How a definition's fields are checked, frozen and named: what its JSON form knows of them."""
