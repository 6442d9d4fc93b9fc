"""What every rig refuses: NaN, wrong shapes, impossible time steps."""

import numpy as np


def check_twist(twist: np.ndarray, name: str) -> np.ndarray:
    """Return `twist` as (6,) float64, or raise a ValueError that names it."""
    out = np.asarray(twist, dtype=np.float64)
    if out.shape != (6,) or not np.isfinite(out).all():
        raise ValueError(f"{name}: expected (6,) finite m/s and rad/s, got {out.tolist()}")
    return out


def check_dt(dt_s: float) -> None:
    """Raise ValueError unless `dt_s` is a step in (0, 1] seconds."""
    if not 0 < dt_s <= 1:
        raise ValueError(f"dt_s: expected a time step in (0, 1] s, got {dt_s}")


def check_pose(T: np.ndarray, name: str = "T_world_cam") -> np.ndarray:
    """Return `T` as a (4, 4) float64 rigid pose, or raise a ValueError that names it."""
    T = np.asarray(T, dtype=np.float64)
    if T.shape != (4, 4) or not np.isfinite(T).all() or not np.allclose(T[:3, :3].T @ T[:3, :3], np.eye(3), atol=1e-6):
        raise ValueError(f"{name}: expected a rigid (4, 4) pose, got {T.tolist()}")
    return T
