"""Typed errors. Every message names the argument, what was expected and what came."""


class DepthPcError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(DepthPcError, ValueError):
    """A configuration key is unknown, or its value is of the wrong type or out of range."""


class MissingExtraError(DepthPcError, ImportError):
    """A package is not installed that only one extra of this package needs."""


class ImageError(DepthPcError, ValueError):
    """An image (or depth image) has a wrong shape, type, size or encoding."""


class CameraError(DepthPcError, ValueError):
    """Camera intrinsics or distortion are missing or impossible."""


class GoalError(DepthPcError, ValueError):
    """A goal cannot be used: no goal set, or distance, depth or size do not fit."""


class GoalTextureError(GoalError):
    """The goal image has too few keypoints to servo on."""


class PoseError(DepthPcError):
    """The relative pose cannot be found from these matches (live: the servo is lost)."""


class SceneError(DepthPcError, ValueError):
    """A simulated scene cannot be built, or a simulated pose cannot be reached."""


class CheckpointError(DepthPcError, ValueError):
    """Saved weights or a saved training run cannot be read, or do not fit what was requested."""
