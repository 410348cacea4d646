"""What the workflows ask of the outside world, in Protocols of two to six methods.

Adapters keep these promises; tests keep them with fakes (tests/fakes.py), and the contract tests hold both to the same cases.
"""

from plimsoll.ports.approvals import RunReviews, Signatures
from plimsoll.ports.images import (
    BaseStore,
    ImageBuilder,
    ImageRegistry,
    ImageStore,
    PackageMirror,
    ScanMemory,
    Scanner,
    Source,
    WorkTree,
)
from plimsoll.ports.kubernetes import Cluster, ClusterIdentity, Identified, Memory, PodLogs, Renderer, Schemas
from plimsoll.ports.machine import (
    DevImages,
    DevStack,
    DevVariables,
    Engine,
    EngineImages,
    Host,
    KindAccess,
    KindNodes,
    LocalRegistry,
    NodeImages,
    Packages,
    Toolbox,
)
from plimsoll.ports.notify import Messenger
from plimsoll.ports.process import Clock, Commands, Http, HttpAnswer, Reporter, Stop

__all__ = [
    "BaseStore",
    "Clock",
    "Cluster",
    "ClusterIdentity",
    "Commands",
    "DevImages",
    "DevStack",
    "DevVariables",
    "Engine",
    "EngineImages",
    "Host",
    "Http",
    "HttpAnswer",
    "Identified",
    "ImageBuilder",
    "ImageRegistry",
    "ImageStore",
    "KindAccess",
    "KindNodes",
    "LocalRegistry",
    "Memory",
    "Messenger",
    "NodeImages",
    "PackageMirror",
    "Packages",
    "PodLogs",
    "Renderer",
    "Reporter",
    "RunReviews",
    "ScanMemory",
    "Scanner",
    "Schemas",
    "Signatures",
    "Source",
    "Stop",
    "Toolbox",
    "WorkTree",
]
