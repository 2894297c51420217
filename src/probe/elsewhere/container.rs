//! A container, as its engine names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// What started it: `docker`, `podman`, `cri-o`, `containerd`, `lxc`, `nspawn`, `runc`, `crun`; `container` where nothing
    /// tells.
    pub engine: String,
    /// Its id of 64 hexadecimal digits; null for engines that know it by name.
    pub id: Option<String>,
    /// Its name, by what its engine keeps on disk; null where that was not found.
    pub name: Option<String>,
    /// Its image, by what its engine keeps on disk.
    pub image: Option<String>,
    /// The pod of Kubernetes that it belongs to.
    pub pod: Option<String>,
    /// The namespace of Kubernetes that the pod is in.
    pub pod_namespace: Option<String>,
    /// The user whose manager started it; null for a container of the system.
    pub user: Option<String>,
}

impl Container {
    /// For people: `container web`, `pod shop/web-7f`, `docker 0123456789ab`.
    pub fn label(&self) -> String {
        if let Some(pod) = &self.pod {
            let namespace = self.pod_namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
            return format!("pod {namespace}{pod}");
        }
        let of_user = self.user.as_ref().map_or(String::new(), |user| format!(" of user {user}"));
        match (&self.name, &self.id) {
            (Some(name), _) => format!("container {name}{of_user}"),
            (None, Some(id)) => format!("{} {}{of_user}", self.engine, id.get(..12).unwrap_or(id)),
            (None, None) => format!("a container of {}{of_user}", self.engine),
        }
    }
}
