"""Typed errors. Every message names the argument, what was expected and what came."""


class DepthPcError(Exception):
    """Base of every error this package raises on purpose."""


class FileError(DepthPcError, ValueError):
    """A file is missing, damaged, too large, or holds something else than was expected."""


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


def shown(value, limit: int = 80) -> str:
    """A value from outside for a message: on one line, cut off after `limit` characters."""
    try:
        text = value if isinstance(value, Exception) else repr(value)
    except ValueError:  # Python writes out no number of thousands of digits
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    text = " ".join(str(text).split())
    return text if len(text) <= limit else f"{text[:limit]}..."
