"""One quiet, headless PyBullet client."""

from functools import partial
from pathlib import Path

from depth_pc_ros.extras import imports_of
from depth_pc_ros.sim.silence import silenced

with imports_of("sim"), silenced():
    import pybullet
    import pybullet_data

DATA = Path(pybullet_data.getDataPath())


class BulletClient:
    """A PyBullet server in this process.

    Every function and constant of the `pybullet` module is an attribute; functions act on this client.
    """

    def __init__(self):
        with silenced():
            self.id = pybullet.connect(pybullet.DIRECT)

    def __getattr__(self, name: str):
        attribute = getattr(pybullet, name)
        return partial(attribute, physicsClientId=self.id) if callable(attribute) else attribute

    def close(self) -> None:
        """Disconnect: frees bodies and textures (nothing else does). May be called twice."""
        if self.id is None:
            return
        with silenced():
            pybullet.disconnect(self.id)
        self.id = None
