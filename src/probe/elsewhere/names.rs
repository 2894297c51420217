//! What containers are called, by what their engines keep on disk. No daemon is asked.
//!
//! All of it was written by strangers: files are read to a bound and below folders of the engine, over no link; names are made
//! printable and cut; an id is only ever one of 64 hexadecimal digits, so that it names a file and leads nowhere.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::container::Container;
use crate::bounded_json::{self, Budget};
use crate::printable::printable;
use crate::probe::cgroup::{Group, KnownAs};
use crate::sys::beneath::{Folder, Kind};
use crate::sys::unreadable::Unreadable;

/// Bytes of the description of one container.
const ONE: u64 = 1 << 20;
/// Bytes of a list of all containers of an engine.
const ALL: u64 = 8 << 20;
/// Memory for the values of either.
const VALUES: u64 = 32 << 20;
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 8192;
/// Characters of a name.
const LONGEST: usize = 128;

/// Where Docker keeps a folder for each container.
const DOCKER: &[&str] = &["/var/lib/docker/containers", "/var/snap/docker/common/var-lib-docker/containers"];
/// Where Podman and CRI-O keep the list of containers.
const STORAGE: &[&str] = &["/var/lib/containers/storage/overlay-containers"];
/// The same and Docker's, of a user, below the home.
const STORAGE_OF_USER: &str = ".local/share/containers/storage/overlay-containers";
const DOCKER_OF_USER: &str = ".local/share/docker/containers";
/// Where containerd, or another engine by it, keeps a folder for each running container.
const BUNDLES: &[&str] = &[
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
    "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io",
    "/run/containerd/io.containerd.runtime.v2.task/default",
    "/run/containerd/io.containerd.runtime.v2.task/moby",
];
/// Where CRI-O and Podman keep a folder for each running container, with `userdata/config.json` in it.
const RUNNING: &[&str] = &["/run/containers/storage/overlay-containers"];
/// Where the kubelet keeps a link to the log of each container.
const KUBERNETES_LOGS: &str = "/var/log/containers";
/// Where `runc` and `crun` keep a folder for each container that was started by hand.
const RUNTIMES: &[(&str, &str, &str)] = &[("runc", "/run/runc", "state.json"), ("crun", "/run/crun", "status")];

/// Looks names up.
#[derive(Debug)]
pub struct Names {
    /// The folder that stands for the host, when it is not the host.
    root: Option<Arc<Folder>>,
    /// Home directories and names of users, by id.
    users: HashMap<u32, (String, PathBuf)>,
    /// What the lists of Podman and CRI-O say, by the folder of the list and the id.
    stored: HashMap<PathBuf, HashMap<String, Stored>>,
    /// What the names of logs say, by id; none before they were looked at.
    logged: Option<HashMap<String, Named>>,
    /// Containers that were started by hand, by their first process; none before they were looked at.
    by_hand: Option<HashMap<i32, (&'static str, String)>>,
    /// Folders that this user may not read.
    pub denied: BTreeSet<PathBuf>,
}

/// What a source tells of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Named {
    name: Option<String>,
    image: Option<String>,
    pod: Option<String>,
    pod_namespace: Option<String>,
}

/// `config.v2.json` of Docker.
#[derive(Debug, Deserialize)]
struct DockerContainer {
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Config")]
    config: Option<DockerConfig>,
}

#[derive(Debug, Deserialize)]
struct DockerConfig {
    #[serde(rename = "Image")]
    image: Option<String>,
    #[serde(rename = "Labels", default)]
    labels: Option<HashMap<String, String>>,
}

/// A container in `containers.json`.
#[derive(Debug, Clone, Deserialize)]
struct Stored {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    /// JSON within JSON.
    #[serde(default)]
    metadata: String,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(rename = "image-name")]
    image: Option<String>,
    name: Option<String>,
}

/// `config.json` of a bundle, as the Open Container Initiative specifies it.
#[derive(Debug, Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: HashMap<String, String>,
}

/// `state.json` of runc, `status` of crun.
#[derive(Debug, Deserialize)]
struct ByHand {
    #[serde(alias = "init_process_pid")]
    pid: i32,
}

impl Names {
    /// Of this host, or of the one that lies below `root`.
    pub fn new(root: Option<&Arc<Folder>>) -> Self {
        let mut names = Names {
            root: root.map(Arc::clone),
            users: HashMap::new(),
            stored: HashMap::new(),
            logged: None,
            by_hand: None,
            denied: BTreeSet::new(),
        };
        let accounts = names.read(Path::new("/etc"), Path::new("passwd"), ONE).unwrap_or_default();
        names.users = users(&String::from_utf8_lossy(&accounts));
        names
    }

    /// The container of a group, with its names. `all` is whether there is time to read what its engine says; else what lies at
    /// hand is told.
    pub fn container(&mut self, group: &Group, all: bool) -> Container {
        let user = group.user.map(|id| self.users.get(&id).map_or(id.to_string(), |(name, _)| name.clone()));
        let engine = group.engine.to_owned();
        match &group.known_as {
            KnownAs::Name(name) => Container {
                name: Some(self.proxmox(group.engine, name).unwrap_or_else(|| short(name))),
                engine,
                user,
                ..Container::default()
            },
            KnownAs::Id(id) => {
                let (engine, named) = self.named(group, id, all);
                let Named { name, image, pod, pod_namespace } = named.unwrap_or_default();
                // One that was made of a folder has none.
                let image = image.filter(|image| !image.is_empty());
                Container { engine, id: Some(id.clone()), name, image, pod, pod_namespace, user }
            }
        }
    }

    /// What runs in a namespace and belongs to no container by its group: one that was started by hand, by its first process.
    pub fn started_by_hand(&mut self, pids: impl Iterator<Item = i32>) -> Option<Container> {
        if self.by_hand.is_none() {
            self.by_hand = Some(self.find_by_hand());
        }
        let known = self.by_hand.as_ref()?;
        let (engine, name) = pids.into_iter().find_map(|pid| known.get(&pid))?;
        Some(Container { engine: (*engine).to_owned(), name: Some(name.clone()), ..Container::default() })
    }

    /// The engine, and what is known of the container.
    fn named(&mut self, group: &Group, id: &str, all: bool) -> (String, Option<Named>) {
        let home = group.user.and_then(|user| self.users.get(&user)).map(|(_, home)| home.clone());
        if group.user.is_some() {
            let Some(home) = home else { return (group.engine.to_owned(), None) };
            // The home is the administrator's to choose, what is in it the user's: no link in it is followed.
            let podman = self.stored(&home, STORAGE_OF_USER, id);
            return (group.engine.to_owned(), podman.or_else(|| self.docker(&home, DOCKER_OF_USER, id)));
        }
        let unsure = group.engine == "container";
        if (group.engine == "docker" || unsure)
            && let Some(named) =
                DOCKER.iter().filter(|_| all).find_map(|folder| self.docker(Path::new(folder), ".", id))
        {
            return ("docker".to_owned(), Some(named));
        }
        if ["podman", "cri-o"].contains(&group.engine) || unsure {
            let stored = STORAGE.iter().find_map(|folder| self.stored(Path::new(folder), ".", id));
            // Podman keeps no more there than in its list.
            let folders = RUNNING.iter().filter(|_| all && group.engine != "podman");
            let running = folders.into_iter().find_map(|folder| self.bundle(folder, &format!("{id}/userdata"), id));
            if let Some(named) = merged(running, stored) {
                let engine = if unsure { if named.pod.is_some() { "cri-o" } else { "podman" } } else { group.engine };
                return (engine.to_owned(), Some(named));
            }
        }
        let bundle = BUNDLES.iter().filter(|_| all).find_map(|folder| self.bundle(folder, id, id));
        let engine = if unsure && bundle.is_some() { "containerd" } else { group.engine };
        let named = bundle.filter(|named| named.pod.is_some() || named.name.is_some());
        (engine.to_owned(), named.or_else(|| self.logged(id)))
    }

    fn docker(&mut self, folder: &Path, below: &str, id: &str) -> Option<Named> {
        let read: DockerContainer = self.json(folder, &Path::new(below).join(id).join("config.v2.json"), ONE)?;
        let (image, labels) = read.config.map_or((None, None), |config| (config.image, config.labels));
        let label = |name: &str| labels.as_ref()?.get(name).map(|value| short(value));
        Some(Named {
            name: label("io.kubernetes.container.name").or(read.name.map(|name| short(name.trim_start_matches('/')))),
            image: image.map(|image| short(&image)),
            pod: label("io.kubernetes.pod.name"),
            pod_namespace: label("io.kubernetes.pod.namespace"),
        })
    }

    /// What `containers.json` in this folder says of a container.
    fn stored(&mut self, folder: &Path, below: &str, id: &str) -> Option<Named> {
        if !self.stored.contains_key(folder) {
            let list = Path::new(below).join("containers.json");
            let all: Vec<Stored> = self.json(folder, &list, ALL).unwrap_or_default();
            let all = all.into_iter().take(MOST_ENTRIES).map(|stored| (stored.id.clone(), stored)).collect();
            self.stored.insert(folder.to_owned(), all);
        }
        let stored = self.stored.get(folder)?.get(id)?;
        let metadata: Metadata =
            bounded_json::from_slice(stored.metadata.as_bytes(), &mut Budget::new(VALUES)).unwrap_or_default();
        let name = stored.names.first().or(metadata.name.as_ref());
        let kubernetes = name.and_then(|name| of_kubernetes(name));
        let image = metadata.image.as_deref().map(short);
        Some(match kubernetes {
            Some(named) => Named { image, ..named },
            None => Named { name: name.map(|name| short(name)), image, ..Named::default() },
        })
    }

    fn bundle(&mut self, folder: &str, of: &str, id: &str) -> Option<Named> {
        debug_assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Bundle { annotations } = self.json(Path::new(folder), &Path::new(of).join("config.json"), ONE)?;
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| annotations.get(*name))
                .filter(|value| !value.is_empty())
                .map(|value| short(value))
        };
        Some(Named {
            name: first(&["io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"]),
            image: first(&["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"]),
            pod: first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
            pod_namespace: first(&["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]),
        })
    }

    /// What the name of its log says of a container: `<pod>_<namespace>_<container>-<id>.log`.
    fn logged(&mut self, id: &str) -> Option<Named> {
        if self.logged.is_none() {
            let entries = self.list(KUBERNETES_LOGS);
            self.logged = Some(entries.iter().filter_map(|(name, _)| of_log(name)).collect());
        }
        self.logged.as_ref()?.get(id).cloned()
    }

    fn find_by_hand(&mut self) -> HashMap<i32, (&'static str, String)> {
        let mut found = HashMap::new();
        for (engine, folder, file) in RUNTIMES {
            let folders = self.list(folder).into_iter().filter(|(_, kind)| *kind == Kind::Folder);
            for (name, _) in folders.collect::<Vec<_>>() {
                if let Some(ByHand { pid }) = self.json(Path::new(folder), &Path::new(&name).join(file), ONE) {
                    found.insert(pid, (*engine, short(&name)));
                }
            }
        }
        found
    }

    /// What Proxmox calls the container of that number (`hostname` in `/etc/pve/lxc/NUMBER.conf`).
    fn proxmox(&mut self, engine: &str, number: &str) -> Option<String> {
        let number: u32 = number.parse().ok().filter(|_| engine == "lxc")?;
        self.proxmox_name("lxc", number, "hostname")
    }

    /// What Proxmox calls the virtual machine of that number.
    pub fn proxmox_machine(&mut self, number: u32) -> Option<String> {
        self.proxmox_name("qemu-server", number, "name")
    }

    fn proxmox_name(&mut self, kind: &str, number: u32, key: &str) -> Option<String> {
        let text = self.read(Path::new("/etc/pve/local"), &Path::new(kind).join(format!("{number}.conf")), ONE)?;
        let text = String::from_utf8_lossy(&text);
        // What comes behind the first section is of snapshots.
        let mut lines = text.lines().take_while(|line| !line.starts_with('['));
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(|name| short(name.trim())))
    }

    fn json<T: DeserializeOwned>(&mut self, folder: &Path, file: &Path, largest: u64) -> Option<T> {
        let bytes = self.read(folder, file, largest)?;
        bounded_json::from_slice(&bytes, &mut Budget::new(VALUES)).ok()
    }

    /// Reads a file below a folder of the system. The way to the folder is the administrator's; in it no link is followed.
    fn read(&mut self, folder: &Path, file: &Path, largest: u64) -> Option<Vec<u8>> {
        let read = match &self.root {
            Some(root) => root.read(&folder.strip_prefix("/").unwrap_or(folder).join(file), largest),
            None => Folder::open(folder).map_err(Unreadable::from).and_then(|below| below.read(file, largest)),
        };
        if matches!(read, Err(Unreadable::Denied)) {
            self.denied.insert(folder.to_owned());
        }
        read.ok().map(|(bytes, _)| bytes)
    }

    /// The names in a folder.
    fn list(&mut self, folder: &str) -> Vec<(String, Kind)> {
        let folder = Path::new(folder);
        let listed = match &self.root {
            Some(root) => root.list(folder.strip_prefix("/").unwrap_or(folder), MOST_ENTRIES),
            None => Folder::open(folder).and_then(|folder| folder.list(Path::new("."), MOST_ENTRIES)),
        };
        if matches!(&listed, Err(error) if error.kind() == io::ErrorKind::PermissionDenied) {
            self.denied.insert(folder.to_owned());
        }
        let (entries, _) = listed.unwrap_or_default();
        entries.into_iter().filter_map(|entry| Some((entry.name.into_string().ok()?, entry.kind))).collect()
    }
}

/// What either source tells, the first one's first.
fn merged(one: Option<Named>, other: Option<Named>) -> Option<Named> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Named {
            name: one.name.or(other.name),
            image: one.image.or(other.image),
            pod: one.pod.or(other.pod),
            pod_namespace: one.pod_namespace.or(other.pod_namespace),
        }),
        (one, other) => one.or(other),
    }
}

/// The name that the kubelet gave by CRI-O or Docker: `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`.
fn of_kubernetes(name: &str) -> Option<Named> {
    let mut parts = name.strip_prefix("k8s_")?.split('_');
    let (container, pod, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    Some(Named {
        name: Some(short(container)).filter(|name| name != "POD"),
        image: None,
        pod: Some(short(pod)),
        pod_namespace: Some(short(namespace)),
    })
}

/// `<pod>_<namespace>_<container>-<id>.log`, by id.
fn of_log(file: &str) -> Option<(String, Named)> {
    let (names, id) = file.strip_suffix(".log")?.rsplit_once('-')?;
    let mut parts = names.split('_');
    let (pod, namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && parts.next().is_none()).then(|| {
        let named = Named {
            name: Some(short(container)),
            image: None,
            pod: Some(short(pod)),
            pod_namespace: Some(short(namespace)),
        };
        (id.to_ascii_lowercase(), named)
    })
}

/// Names and homes of users by id, in the text of `/etc/passwd`.
fn users(passwd: &str) -> HashMap<u32, (String, PathBuf)> {
    let mut users = HashMap::new();
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, id, _, _, home, ..] = fields[..]
            && let Ok(id) = id.parse()
        {
            users.entry(id).or_insert_with(|| (printable(name), PathBuf::from(home)));
        }
    }
    users
}

/// A stranger's name as it is shown.
fn short(name: &str) -> String {
    let cut: String = name.chars().take(LONGEST).collect();
    printable(cut)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// A host's disk below a folder, as it was seen: path and text.
    fn disk(files: &[(&str, String)]) -> (tempfile::TempDir, Names) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let names = Names::new(Some(&Arc::new(Folder::open(root.path()).unwrap())));
        (root, names)
    }

    fn group(engine: &'static str, user: Option<u32>) -> Group {
        Group { engine, known_as: KnownAs::Id(ID.to_owned()), user }
    }

    fn docker(name: &str, image: &str) -> String {
        format!(
            r#"{{"StreamConfig":{{}},"State":{{"Running":true,"Pid":812}},"ID":"{ID}","Created":"2026-01-02T03:04:05Z","Path":"nginx",
            "Config":{{"Hostname":"0123456789ab","Env":["PATH=/bin"],"Image":"{image}","Labels":{{"com.docker.compose.service":"w"}}}},
            "Image":"sha256:99","Name":"/{name}","RestartCount":0}}"#
        )
    }

    fn storage(name: &str) -> String {
        format!(
            r#"[{{"id":"{ID}","names":["{name}"],"image":"99","layer":"88","metadata":
            "{{\"image-name\":\"docker.io/library/nginx:1.27\",\"name\":\"{name}\",\"created-at\":1}}","created":"2026-01-02T03:04:05Z"}},
            {{"id":"ff","names":["other"]}}]"#
        )
    }

    fn bundle() -> String {
        r#"{"ociVersion":"1.2.0","process":{"args":["nginx"]},"annotations":{
            "io.kubernetes.cri.container-name":"nginx","io.kubernetes.cri.container-type":"container",
            "io.kubernetes.cri.image-name":"docker.io/library/nginx:1.27","io.kubernetes.cri.sandbox-id":"aa",
            "io.kubernetes.cri.sandbox-name":"web-7f","io.kubernetes.cri.sandbox-namespace":"shop"}}"#
            .to_owned()
    }

    #[test]
    fn docker_says_name_and_image_of_its_containers_also_where_the_group_does_not_name_it() {
        let path = format!("/var/lib/docker/containers/{ID}/config.v2.json");
        let (_root, mut names) = disk(&[(&path, docker("web", "nginx:1.27"))]);
        for engine in ["docker", "container"] {
            let seen = names.container(&group(engine, None), true);
            assert_eq!((seen.engine.as_str(), seen.label().as_str()), ("docker", "container web"));
            assert_eq!((seen.image.as_deref(), seen.id.as_deref()), (Some("nginx:1.27"), Some(ID)));
        }
        let late = names.container(&group("docker", None), false);
        assert_eq!(late.label(), "docker 0123456789ab", "without time it is known by its id");
    }

    #[test]
    fn podman_says_names_in_its_list_that_of_a_user_in_the_home() {
        let passwd = "root:x:0:0::/root:/bin/sh\neve:x:1000:1000::/home/eve:/bin/sh\n".to_owned();
        let (_root, mut names) = disk(&[
            ("/etc/passwd", passwd),
            ("/var/lib/containers/storage/overlay-containers/containers.json", storage("web")),
            ("/home/eve/.local/share/containers/storage/overlay-containers/containers.json", storage("own")),
        ]);
        let seen = names.container(&group("podman", None), true);
        assert_eq!(
            (seen.label().as_str(), seen.image.as_deref()),
            ("container web", Some("docker.io/library/nginx:1.27"))
        );
        assert_eq!(names.container(&group("podman", Some(1000)), true).label(), "container own of user eve");
        assert_eq!(names.container(&group("podman", Some(1001)), true).label(), "podman 0123456789ab of user 1001");
    }

    #[test]
    fn a_user_cannot_lead_the_reader_elsewhere() {
        let (root, mut names) = disk(&[
            ("/etc/passwd", "eve:x:1000:1000::/home/eve:/bin/sh\n".to_owned()),
            ("/var/lib/containers/storage/overlay-containers/containers.json", storage("web")),
        ]);
        let below = root.path().join("home/eve/.local/share");
        fs::create_dir_all(&below).unwrap();
        std::os::unix::fs::symlink("/var/lib/containers", below.join("containers")).unwrap();
        assert_eq!(names.container(&group("podman", Some(1000)), true).name, None);
    }

    #[test]
    fn a_pod_is_told_by_the_bundle_of_containerd() {
        let path = format!("/run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json");
        let (_root, mut names) = disk(&[(&path, bundle())]);
        for engine in ["containerd", "container"] {
            let seen = names.container(&group(engine, None), true);
            assert_eq!((seen.engine.as_str(), seen.label().as_str()), ("containerd", "pod shop/web-7f"));
            assert_eq!(seen.name.as_deref(), Some("nginx"));
            assert_eq!(seen.image.as_deref(), Some("docker.io/library/nginx:1.27"));
        }
    }

    #[test]
    fn a_pod_is_told_by_cri_o_and_by_the_name_that_the_kubelet_gave() {
        let list = storage("k8s_nginx_web-7f_shop_0c1d_0");
        let (_root, mut names) = disk(&[("/var/lib/containers/storage/overlay-containers/containers.json", list)]);
        let seen = names.container(&group("cri-o", None), true);
        assert_eq!((seen.label().as_str(), seen.name.as_deref()), ("pod shop/web-7f", Some("nginx")));
        let path = format!("/run/containers/storage/overlay-containers/{ID}/userdata/config.json");
        let annotations = r#"{"annotations":{"io.kubernetes.container.name":"app","io.kubernetes.pod.name":"api-1",
            "io.kubernetes.pod.namespace":"pay","io.kubernetes.cri-o.ImageName":"quay.io/api:2"}}"#;
        let (_root, mut names) = disk(&[(&path, annotations.to_owned())]);
        let seen = names.container(&group("container", None), true);
        assert_eq!((seen.engine.as_str(), seen.label().as_str()), ("cri-o", "pod pay/api-1"));
    }

    #[test]
    fn logs_of_the_kubelet_name_the_containers_of_any_engine() {
        let path = format!("/var/log/containers/web-7f_shop_nginx-{ID}.log");
        let (_root, mut names) = disk(&[(&path, String::new()), ("/var/log/containers/odd_name.log", String::new())]);
        for all in [true, false] {
            let seen = names.container(&group("containerd", None), all);
            assert_eq!((seen.label().as_str(), seen.name.as_deref()), ("pod shop/web-7f", Some("nginx")));
        }
    }

    #[test]
    fn what_was_started_by_hand_is_known_by_its_first_process() {
        let (_root, mut names) = disk(&[
            (
                "/run/runc/web/state.json",
                r#"{"id":"web","init_process_pid":812,"config":{"labels":["bundle=/srv/web"]}}"#.to_owned(),
            ),
            ("/run/crun/db/status", r#"{"pid":900,"bundle":"/srv/db","rootless":false}"#.to_owned()),
        ]);
        let seen = |names: &mut Names, pids: &[i32]| {
            names.started_by_hand(pids.iter().copied()).map(|c| (c.engine.clone(), c.label()))
        };
        assert_eq!(seen(&mut names, &[700, 812]), Some(("runc".to_owned(), "container web".to_owned())));
        assert_eq!(seen(&mut names, &[900]), Some(("crun".to_owned(), "container db".to_owned())));
        assert_eq!(seen(&mut names, &[1]), None);
    }

    #[test]
    fn proxmox_names_what_lxc_and_qemu_know_by_number() {
        let (_root, mut names) = disk(&[
            ("/etc/pve/local/lxc/101.conf", "arch: amd64\nhostname: mail\n[before]\nhostname: old\n".to_owned()),
            ("/etc/pve/local/qemu-server/102.conf", "cores: 2\nname: db\n".to_owned()),
        ]);
        let lxc = |name: &str| Group { engine: "lxc", known_as: KnownAs::Name(name.to_owned()), user: None };
        assert_eq!(names.container(&lxc("101"), true).label(), "container mail");
        assert_eq!(names.container(&lxc("web"), true).label(), "container web");
        assert_eq!((names.proxmox_machine(102).as_deref(), names.proxmox_machine(103)), (Some("db"), None));
    }

    #[test]
    fn what_strangers_wrote_is_bounded_and_harmless_to_print() {
        let path = format!("/var/lib/docker/containers/{ID}/config.v2.json");
        let (_root, mut names) = disk(&[(&path, docker(r"w\u001b[31m\u202eeb", &"x".repeat(5000)))]);
        let seen = names.container(&group("docker", None), true);
        assert_eq!(seen.name.as_deref(), Some("w\\u{1b}[31m\\u{202e}eb"));
        assert_eq!(seen.image.map(|image| image.len()), Some(LONGEST));
        let many = format!("[{}0]", "0,".repeat(1_000_000));
        for text in [String::new(), "{".repeat(10_000), many, "x".repeat(2 << 20), r#"{"Name":7}"#.to_owned()] {
            let (_root, mut names) = disk(&[(&path, text)]);
            assert_eq!(names.container(&group("docker", None), true).name, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_the_readers_panic(text in "\\PC{0,120}") {
            let _ = (of_kubernetes(&text), of_log(&text), users(&text));
        }
    }
}
