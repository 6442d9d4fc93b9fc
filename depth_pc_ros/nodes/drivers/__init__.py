"""What receives the tool's twist: one file per kind of arm driver. `contract` says what all of them have."""
