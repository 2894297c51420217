//! The manifests for Kubernetes have what casebook needs on a node, and nothing more.

use std::collections::BTreeSet;

use casebook::probe::PROBES;
use serde_json::Value;

use super::{project, read};

const FOLDER: &str = "docs/kubernetes";

/// A manifest, and the pod in it.
fn pod(name: &str) -> (Value, Value) {
    let text = read(&project().join(FOLDER).join(name));
    let manifest: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let pod = if manifest["kind"] == "Pod" { &manifest["spec"] } else { &manifest["spec"]["template"]["spec"] };
    let pod = pod.clone();
    (manifest, pod)
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

#[test]
fn the_pods_have_the_capabilities_that_doctor_names_and_no_others() {
    let needs = PROBES.iter().flat_map(|probe| probe.needs()).filter_map(|need| need.what.strip_prefix("CAP_"));
    let needs: BTreeSet<String> = needs.map(str::to_owned).collect();
    assert!(needs.contains("NET_RAW") && needs.len() > 3, "{needs:?}");
    for name in ["debug-pod.yaml", "every-node.yaml"] {
        let (_, pod) = pod(name);
        let container = &pod["containers"][0];
        let security = &container["securityContext"];
        assert_eq!(words(&security["capabilities"]["add"]), needs, "{name}");
        assert_eq!(words(&security["capabilities"]["drop"]), BTreeSet::from(["ALL".to_owned()]), "{name}");
        assert_eq!((&security["privileged"], &security["runAsUser"]), (&Value::Null, &0.into()), "{name}");
        assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
    }
}

#[test]
fn the_pods_see_the_node_and_write_nothing_on_it() {
    for (name, kind, version) in [("debug-pod.yaml", "Pod", "v1"), ("every-node.yaml", "DaemonSet", "apps/v1")] {
        let (manifest, pod) = pod(name);
        assert_eq!((&manifest["kind"], &manifest["apiVersion"]), (&kind.into(), &version.into()));
        assert_eq!((&pod["hostNetwork"], &pod["hostPID"]), (&true.into(), &true.into()), "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}: it asks the cluster for nothing");
        let volumes = pod["volumes"].as_array().expect("volumes");
        let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("mounts");
        assert_eq!(mounts.len(), volumes.len(), "{name}");
        for volume in volumes {
            let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).expect("each volume is mounted");
            let is_of_the_node = volume.get("hostPath").is_some();
            // Runtimes make a folder on the node where nothing says of what kind the path must be.
            let kind = volume["hostPath"]["type"].as_str();
            assert!(!is_of_the_node || matches!(kind, Some("Directory" | "File")), "{name}: {volume}");
            assert_eq!(mount["readOnly"] == true, is_of_the_node, "{name}: {volume}");
        }
    }
}

#[test]
fn both_manifests_are_one_pod() {
    let (_, one) = pod("debug-pod.yaml");
    let (manifest, every) = pod("every-node.yaml");
    assert_eq!(one["containers"], every["containers"]);
    assert_eq!(one["volumes"], every["volumes"]);
    assert_eq!(manifest["spec"]["selector"]["matchLabels"], manifest["spec"]["template"]["metadata"]["labels"]);
}
