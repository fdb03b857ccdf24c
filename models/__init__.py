"""The catalogue: named networks, where their weights lie, and how their input is made."""
