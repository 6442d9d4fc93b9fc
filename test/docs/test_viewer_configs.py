"""The files for RViz and Foxglove name topics, fields and services that the nodes have, with fitting QoS."""

import json
import re

import yaml
from doc_commands import ROOT, full_names

CONFIG = ROOT / "config"
STATUS = (ROOT / "depth_pc_interfaces" / "msg" / "ServoStatus.msg").read_text()
TWIST = {f"command.{part}.{axis}" for part in ("linear", "angular") for axis in "xyz"}


def qos_of_topics() -> dict[str, str]:
    """Name in the graph of ROS -> QoS of each topic that a node publishes as `~/name`, as the reference says."""
    qos = {}
    for section in (ROOT / "docs" / "reference" / "topics.md").read_text().split("\n## ")[1:]:
        node = re.match(r"`(\w+)`", section)[1]
        for name, how in re.findall(r"^\| `~/(\w+)` \| publishes \| [^|]+ \| ([^|]+) \|", section, flags=re.MULTILINE):
            qos[f"/depth_pc/{node}/{name}"] = how
    return qos


def test_rviz_subscribes_to_topics_that_are_published_as_it_asks():
    displays = yaml.safe_load((CONFIG / "servo.rviz").read_text())["Visualization Manager"]["Displays"]
    topics = [display["Topic"] for display in displays if "Topic" in display]
    published = qos_of_topics()
    assert len(topics) >= 6
    for topic in topics:
        qos = published[topic["Value"]]
        assert (topic["Durability Policy"] == "Transient Local") == (qos == "latched"), topic
        assert (topic["Reliability Policy"] == "Best Effort") == (qos == "image"), topic


def places(layout) -> list[str]:
    """The panels of a layout of Foxglove."""
    return [layout] if isinstance(layout, str) else places(layout["first"]) + places(layout["second"])


def test_foxglove_shows_every_panel_once():
    layout = json.loads((CONFIG / "foxglove_layout.json").read_text())
    assert sorted(places(layout["layout"])) == sorted(layout["configById"])


def test_foxglove_names_topics_fields_and_services_of_the_nodes():
    panels = json.loads((CONFIG / "foxglove_layout.json").read_text())["configById"].values()
    published, services = full_names({"publishes"}), full_names({"service"})
    fields = set(re.findall(r"^\S+ (\w+)  ", STATUS, flags=re.MULTILINE)) | TWIST
    images = [panel["imageMode"]["imageTopic"] for panel in panels if "imageMode" in panel]
    raw = [panel["topicPath"] for panel in panels if "topicPath" in panel]
    assert {*images, *raw} <= published
    paths = [path["value"] for panel in panels for path in panel.get("paths", ())]
    assert len(paths) == 8
    for path in paths:
        topic, _, field = path.partition(".")
        assert topic == "/depth_pc/controller/status"
        assert field in fields, path
    calls = {(panel["serviceName"], panel["requestPayload"]) for panel in panels if "serviceName" in panel}
    assert {name for name, _ in calls} <= services
    assert ("/depth_pc/controller/enable", '{"data": false}') in calls
