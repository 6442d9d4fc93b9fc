"""The report of a set-up check. No ROS import, so that it can say that ROS is missing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of the report. detail: what was found, or what to do. needed: required for any motion."""

    what: str
    ok: bool
    detail: str
    needed: bool = True

    @property
    def missing(self) -> bool:
        return self.needed and not self.ok


def table(checks: list[Check]) -> str:
    """One line per check: OK, MISSING, or `-` for what is absent and not needed."""
    width = max(len(check.what) for check in checks)
    marks = ["MISSING" if check.missing else "OK" if check.ok else "-" for check in checks]
    return "\n".join(
        f"{mark:<8}{check.what:<{width}}  {check.detail}".rstrip() for mark, check in zip(marks, checks, strict=True)
    )
