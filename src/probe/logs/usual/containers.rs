//! What those who run containers say of them: kubelet and Docker, in their logs and in what their tools print.

use super::{By, Lines, Usual, Weight};

const KUBELET: &[&str] = &["kubelet"];

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "container_out_of_memory",
        service: "containers",
        means: "a container was killed because it, or its host, had no memory left",
        weight: Weight::Grave,
        one: "kill for want of memory",
        many: "kills for want of memory",
        by: &[By { group: "container", preposition: "of", many: "containers" }],
        lines: &[
            Lines {
                programs: &["kubelet", "dockerd"],
                expression: r"container (?P<container>\S+) was killed for want of memory \(OOMKill",
                of: "the states of kubectl describe and docker inspect, as they are told of pastes",
            },
            Lines {
                programs: KUBELET,
                expression: r"(?:\w\d+ [\d:.]+ +\d+ [\w.]+:\d+\] )?(?:System OOM encountered, victim process: (?P<container>[\w.-]+), pid: \d+|Created an OOM event in container)",
                of: "kubelet 1.5 to 1.31 by its source",
            },
        ],
    },
    Usual {
        name: "container_probe_failed",
        service: "containers",
        means: "a container did not answer the question by which kubelet tells whether it lives or is ready; kubelet starts it again, or sends it nobody",
        weight: Weight::Trouble,
        one: "probe that failed",
        many: "probes that failed",
        by: &[],
        lines: &[
            Lines {
                programs: KUBELET,
                expression: r"(?P<probe>Liveness|Readiness|Startup) probe (?:failed|errored)",
                of: "kubelet 1.5 to 1.31 by its source",
            },
            Lines {
                programs: KUBELET,
                expression: r#"\w\d+ [\d:.]+ +\d+ prober\.go:\d+\] "Probe failed" probeType="(?P<probe>\w+)""#,
                of: "kubelet 1.20 to 1.31 by its source",
            },
        ],
    },
    Usual {
        name: "node_pressure",
        service: "containers",
        means: "the node is short of memory or room, and kubelet ends pods for it",
        weight: Weight::Grave,
        one: "line of a node that is short",
        many: "lines of a node that is short",
        by: &[By { group: "resource", preposition: "of", many: "things" }],
        lines: &[
            Lines {
                programs: KUBELET,
                expression: r"The node was low on resource: (?P<resource>[a-z-]+)",
                of: "kubelet 1.5 to 1.31 by its source",
            },
            Lines {
                programs: KUBELET,
                expression: r"node condition (?P<resource>Disk|Memory)Pressure",
                of: "the conditions of kubectl describe, as they are told of pastes",
            },
            Lines {
                programs: KUBELET,
                expression: r#"\w\d+ [\d:.]+ +\d+ eviction_manager\.go:\d+\] "Eviction manager: attempting to reclaim" resourceName="(?P<resource>[a-z-]+)""#,
                of: "kubelet 1.20 to 1.31 by its source",
            },
        ],
    },
];
