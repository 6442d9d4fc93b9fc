"""How long tests wait. A wait ends as soon as its condition holds, so these are long: the machine may be busy."""

WAIT_S = 60.0  # after so long a wait has failed
SLOW_MACHINE_S = 5.0  # what a busy machine may add to a time that the nodes keep
