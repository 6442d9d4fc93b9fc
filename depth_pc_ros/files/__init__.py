"""Reading files: one module per format. Each has limits, runs nothing of what a file says, and raises typed errors.

Every reader takes `what`, the option or thing that named the file (or `where`, a whole beginning of the message), and
`error`, the class to raise: a `DepthPcError` whose one line names file, place, what was expected and what came.
"""
