import pytest
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from depth_pc_ros.nodes.adapter_status import AdapterStatus

pytestmark = pytest.mark.ros


def test_a_status_comes_back_from_its_message():
    status = AdapterStatus("LIMITED", "the arm is at a joint limit", 3, True, 0.4, 0.8)
    assert AdapterStatus.from_msg(status.to_msg("/depth_pc/adapter")) == status


@pytest.mark.parametrize("stops", ["", "many", "-1", "1.5", "²", "9" * 5000])
def test_values_that_are_none_are_those_of_an_adapter_at_rest(stops):
    msg = DiagnosticStatus(values=[KeyValue(key="stops", value=stops), KeyValue(key="moving", value="perhaps")])
    assert AdapterStatus.from_msg(msg) == AdapterStatus()


@pytest.mark.parametrize("limit", ["", "nan", "-1", "fast"])
def test_a_limit_that_is_none_limits_nothing(limit):
    msg = DiagnosticStatus(values=[KeyValue(key="max_linear", value=limit)])
    assert AdapterStatus.from_msg(msg) == AdapterStatus()
