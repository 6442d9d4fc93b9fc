"""A stand-in for a controller manager, and for the broadcaster of UR's speed slider. Import it where ROS is."""

from rclpy.node import Node
from std_msgs.msg import Float64

JOINTS = ("shoulder_pan_joint", "elbow_joint")


class StandInControllers(Node):
    """Lists controllers. states: name -> state; those of arms need the joints, and hold them while they are active.

    percent: of the speed slider, published regularly.
    """

    def __init__(self, states: dict[str, str], percent=100.0, **node):
        from controller_manager_msgs.srv import ListControllers

        super().__init__("controller_manager", **node)
        self.states, self.percent = states, percent
        self._scaling = self.create_publisher(Float64, "speed_scaling", 1)
        self.create_service(ListControllers, "~/list_controllers", self._list)
        self.create_timer(0.02, lambda: self._scaling.publish(Float64(data=self.percent)))

    def _list(self, _, response):
        from controller_manager_msgs.msg import ControllerState

        for name, state in self.states.items():
            needs = [f"{joint}/position" for joint in JOINTS]
            if name == "twist_controller":
                needs = ["tcp/twist.linear.x"]
            if name == "io_and_status_controller":
                needs = ["gpio/standard_digital_output_cmd_0"]
            if "broadcaster" in name:
                needs = []
            kind = "JointTrajectoryController" if "trajectory" in name else "ForwardCommandController"
            one = ControllerState(name=name, state=state, type=f"controllers/{kind}")
            one.required_command_interfaces, one.claimed_interfaces = needs, needs if state == "active" else []
            response.controller.append(one)
        return response
