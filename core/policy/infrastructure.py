"""[infrastructure] of platform.toml: which metrics of hosts are read, and from when a host is under pressure. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.models.hosts import CPU, DISK, MEMORY
from core.policy import names
from core.policy.services import Strict


class CloudWatchMetric(Strict):
    """A metric of CloudWatch, for each value of the dimension that names the host."""

    name: Annotated[str, AfterValidator(names.name)] = Field(description="cpu, memory, disk, or a key of limits")
    namespace: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    host: str = Field(default="InstanceId", min_length=1, description="dimension that names the host")
    statistic: Literal["Average", "Maximum", "Minimum", "Sum"] = "Average"


def _of(name: str, namespace: str, metric: str, host: str = "InstanceId") -> CloudWatchMetric:
    return CloudWatchMetric(name=name, namespace=namespace, metric=metric, host=host)


class InfrastructureRules(Strict):
    """The load of hosts: what is read, and from which value a host is under pressure."""

    enabled: bool = Field(default=True, description="read the load of hosts from the connected vendors")
    cpu: float = Field(default=95, gt=0, description="percent from which the processor is under pressure")
    memory: float = Field(default=95, gt=0, description="percent from which memory is under pressure")
    disk: float = Field(default=95, gt=0, description="percent from which a disk is under pressure")
    limits: dict[Annotated[str, AfterValidator(names.name)], float] = Field(
        default={}, description="limit of each further metric, by its name"
    )
    minutes: float = Field(default=5, gt=0, le=60, description="minutes before the onset whose samples count")
    cloudwatch: list[CloudWatchMetric] = Field(
        default=[
            _of(CPU, "AWS/EC2", "CPUUtilization"),
            _of(MEMORY, "CWAgent", "mem_used_percent"),
            _of(DISK, "CWAgent", "disk_used_percent"),
            _of(CPU, "AWS/ECS", "CPUUtilization", "ServiceName"),
            _of(MEMORY, "AWS/ECS", "MemoryUtilization", "ServiceName"),
        ],
        description="metrics of CloudWatch that are read, if it is connected",
    )

    def limit(self, name: str) -> float | None:
        """The limit of a metric; None for one without."""
        known = {CPU: self.cpu, MEMORY: self.memory, DISK: self.disk}
        return self.limits.get(name, known.get(name))
