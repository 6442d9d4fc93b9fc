"""Starting, talking to and checking the running nodes: the table of nodes, their processes, a client, a check."""
