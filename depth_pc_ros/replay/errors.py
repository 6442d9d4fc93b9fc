"""The error of a recording that cannot be replayed."""

from depth_pc_ros.errors import DepthPcError


class ReplayError(DepthPcError, ValueError):
    """A recording cannot be replayed; the message names the file or topic, what was expected and what came."""
