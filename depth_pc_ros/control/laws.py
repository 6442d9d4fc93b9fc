"""Control laws by name."""

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.ibvs import Ibvs
from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.errors import ConfigError


def make_law(config: ControlConfig) -> ControlLaw:
    """The law that `config.controller` names. CheckpointError when a learned law's model cannot be loaded, ConfigError
    when what it runs on is not installed.
    """
    if config.controller == "ibvs":
        return Ibvs()
    if config.controller == "pbvs":
        return Pbvs(config.freeze_depth)
    try:  # only now: importing torch takes a while
        from depth_pc_ros.control.depth_pc import DepthPc
        from depth_pc_ros.control.depth_pc_geo import DepthPcGeo
    except ImportError as error:
        raise ConfigError(
            f"controller: {config.controller} needs torch and safetensors ({error}); install them, or choose "
            "pbvs or ibvs"
        ) from None
    model = config.model or config.controller
    return DepthPc(model) if config.controller == "depth_pc" else DepthPcGeo(model, config.freeze_depth)
