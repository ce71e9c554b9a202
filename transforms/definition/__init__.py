"""The definition of a dataset, as data: `fields` are how its dataclasses check themselves."""
