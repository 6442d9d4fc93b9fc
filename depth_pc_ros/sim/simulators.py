"""The simulators by name. Only the one in use need be installed."""

from depth_pc_ros.sim.workplace import Workplace

SIMULATORS = ("pybullet", "mujoco")


def open_world(simulator: str, *, arm_model: str = "panda", renderer: str = "auto", **options) -> Workplace:
    """A `SimWorld` or a `MujocoWorld`; `options` are those that both have. Raises MissingExtraError, SceneError.

    arm_model: MuJoCo has 'panda' and 'ur5e'. renderer: of PyBullet; MuJoCo draws itself.
    """
    if simulator == "mujoco":
        from depth_pc_ros.sim.mujoco_world import MujocoWorld

        return MujocoWorld(arm_model=arm_model, **options)
    from depth_pc_ros.sim.world import SimWorld

    return SimWorld(renderer=renderer, **options)
