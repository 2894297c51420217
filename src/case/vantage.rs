//! From where a run looked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From where a run looked, when it was not from the host itself: from inside a container, or from a namespace. What is not known is
/// null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vantage {
    /// The container engine: `docker`, `podman`, `kubernetes`, `lxc` …; null outside containers.
    pub container: Option<String>,
    /// The name of the network namespace (`ip netns`), where it is not the host's and has one.
    pub network_namespace: Option<String>,
    /// Whether interfaces, packets and firewall are those of the host.
    pub host_network: Option<bool>,
    /// Whether the processes are all those of the host.
    pub host_processes: Option<bool>,
}

impl Vantage {
    /// What was looked at, and what the host would show, in sentences.
    pub fn sentence(&self) -> String {
        let from = self.from();
        let network = match self.host_network {
            Some(true) => "the host's network",
            Some(false) => "a network of its own",
            None => "a network of which it cannot be told whether it is the host's",
        };
        let processes = match self.host_processes {
            Some(true) => "the host's processes",
            Some(false) => "processes of its own",
            None => "maybe only its own processes",
        };
        let unseen = match (self.host_network, self.host_processes) {
            (Some(true), Some(true)) => String::new(),
            (Some(true), _) => {
                format!("Not seen from here: the processes outside. {}", self.way("--pid host", "hostPID: true"))
            }
            (_, Some(true)) => {
                format!(
                    "Not seen from here: what arrives at the host, and its firewall. {}",
                    self.way("--network host", "hostNetwork: true")
                )
            }
            _ => format!(
                "Not seen from here: what arrives at the host, its firewall, the processes outside. {}",
                self.way("--network host --pid host", "hostNetwork and hostPID: true")
            ),
        };
        let mut said = format!("This is the view from {from}, with {network} and {processes}.");
        let files = self.container.as_deref().is_some_and(|engine| engine != "wsl") || unseen.is_empty();
        let files =
            if files { "Files, file systems and logs are the container's, unless the host's are mounted." } else { "" };
        for sentence in [unseen.as_str(), files].into_iter().filter(|sentence| !sentence.is_empty()) {
            said.push(' ');
            said += sentence;
        }
        said
    }

    fn from(&self) -> String {
        match (&self.container, &self.network_namespace) {
            (Some(engine), _) if engine == "kubernetes" => "inside a pod".to_owned(),
            (Some(engine), _) if engine == "wsl" => "inside WSL".to_owned(),
            (Some(engine), _) if engine == "unnamed" => "inside a container".to_owned(),
            (Some(engine), _) if engine == "lxc" => "inside an lxc container".to_owned(),
            (Some(engine), _) => format!("inside a {engine} container"),
            (None, Some(name)) => format!("the network namespace {name}"),
            (None, None) if self.host_network == Some(false) => "a network namespace".to_owned(),
            (None, None) => "a PID namespace".to_owned(),
        }
    }

    /// How to see the host: the engine's own words, where it has them.
    fn way(&self, flags: &str, fields: &str) -> String {
        match self.container.as_deref() {
            Some("docker" | "podman") => format!("To see it: run on the host, or in a container with {flags}."),
            Some("kubernetes") => format!(
                "To see it: run on the node (`kubectl debug node/NAME --profile=sysadmin`), or in a pod with {fields}."
            ),
            _ => "To see it: run on the host itself.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vantage(container: Option<&str>, network: Option<bool>, processes: Option<bool>) -> Vantage {
        Vantage {
            container: container.map(str::to_owned),
            network_namespace: None,
            host_network: network,
            host_processes: processes,
        }
    }

    #[test]
    fn a_container_says_what_is_its_own_and_how_to_see_the_host() {
        assert_eq!(
            vantage(Some("docker"), Some(false), Some(false)).sentence(),
            "This is the view from inside a docker container, with a network of its own and processes of its own. Not seen from here: \
             what arrives at the host, its firewall, the processes outside. To see it: run on the host, or in a container with \
             --network host --pid host. Files, file systems and logs are the container's, unless the host's are mounted."
        );
        assert_eq!(
            vantage(Some("podman"), Some(true), Some(false)).sentence(),
            "This is the view from inside a podman container, with the host's network and processes of its own. Not seen from here: the \
             processes outside. To see it: run on the host, or in a container with --pid host. Files, file systems and logs are the \
             container's, unless the host's are mounted."
        );
        assert_eq!(
            vantage(Some("kubernetes"), Some(false), Some(true)).sentence(),
            "This is the view from inside a pod, with a network of its own and the host's processes. Not seen from here: what arrives at \
             the host, and its firewall. To see it: run on the node (`kubectl debug node/NAME --profile=sysadmin`), or in a pod with \
             hostNetwork: true. Files, file systems and logs are the container's, unless the host's are mounted."
        );
    }

    #[test]
    fn with_all_of_the_host_only_files_are_the_containers() {
        let sentence = vantage(Some("kubernetes"), Some(true), Some(true)).sentence();
        assert!(
            sentence.ends_with("Files, file systems and logs are the container's, unless the host's are mounted."),
            "{sentence}"
        );
    }

    #[test]
    fn a_namespace_goes_by_its_name_and_what_is_not_known_is_said() {
        let blue = Vantage { network_namespace: Some("blue".into()), ..vantage(None, Some(false), Some(true)) };
        assert!(
            blue.sentence().starts_with("This is the view from the network namespace blue, with a network of its own")
        );
        let unknown = vantage(Some("lxc"), None, None).sentence();
        assert!(unknown.contains("cannot be told") && unknown.contains("run on the host itself"), "{unknown}");
    }
}
