//! The systemd unit or the container that a process belongs to, from its control group.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::printable::printable;

/// Where the unified hierarchy is mounted: by itself, or beside those of single controllers.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// Control groups that are looked at, at most, and for how long: a host of many containers has thousands.
const MOST_GROUPS: usize = 20_000;
const LONGEST_LOOK: Duration = Duration::from_millis(200);

/// How many digits of a container's id are shown, as the containers' own tools do.
const SHORT_ID: usize = 12;

/// The unit or container in the text of `/proc/PID/cgroup`; none for a process in no group of its own.
pub(super) fn unit(cgroup: &str) -> Option<String> {
    let lines = || cgroup.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let unified = lines().find(|(controllers, _)| controllers.is_empty()).map(|(_, path)| path);
    let systemd = lines().find(|(controllers, _)| *controllers == "name=systemd").map(|(_, path)| path);
    let mut paths: Vec<&str> = [unified, systemd].into_iter().flatten().collect();
    // Without systemd and the unified hierarchy, containers show in every controller's path.
    paths.extend(lines().map(|(_, path)| path));
    paths.iter().find_map(|path| container(path)).or_else(|| paths.iter().take(2).find_map(|path| systemd_unit(path)))
}

/// Units and containers by the ids of their control groups, which the kernel tells of sockets. They are looked for when the
/// first is asked for; no privilege is needed.
#[derive(Debug, Default)]
pub(super) struct Groups {
    units: Option<HashMap<u64, String>>,
}

impl Groups {
    /// The unit or container of a control group of the unified hierarchy; none for the root, and where it was not found.
    pub(super) fn unit(&mut self, id: u64) -> Option<&str> {
        let units = self.units.get_or_insert_with(|| {
            let mount = MOUNTS.iter().map(Path::new).find(|mount| mount.join("cgroup.controllers").exists());
            mount.map(units_below).unwrap_or_default()
        });
        units.get(&id).map(String::as_str)
    }
}

/// The units and containers below a mount. The id of a control group is the number of its directory's inode.
fn units_below(mount: &Path) -> HashMap<u64, String> {
    let mut units = HashMap::new();
    let until = Instant::now() + LONGEST_LOOK;
    let mut looked_at = 0;
    let mut folders: Vec<(PathBuf, String)> = vec![(mount.to_owned(), String::new())];
    while let Some((folder, path)) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            looked_at += 1;
            if looked_at > MOST_GROUPS || Instant::now() > until {
                return units;
            }
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            if let Some(unit) = unit(&format!("0::{path}")) {
                units.insert(entry.ino(), unit);
            }
            folders.push((entry.path(), path));
        }
    }
    units
}

/// A container, as its control group tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// What started it: `docker`, `podman`, `cri-o`, `containerd`, `lxc`, `nspawn`; `container` where the path does not tell.
    pub(super) engine: &'static str,
    /// How the engine knows it.
    pub(super) known_as: KnownAs,
    /// The user below whose manager it stands. That user may call a group like a container of the system.
    pub(super) user: Option<u32>,
}

/// How an engine knows a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KnownAs {
    /// By an id of 64 hexadecimal digits.
    Id(String),
    /// By its name, made printable.
    Name(String),
}

/// The container in the text of `/proc/PID/cgroup`.
pub(super) fn container_of(cgroup: &str) -> Option<Group> {
    let paths = cgroup.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).map(|(_, path)| path);
    paths.into_iter().find_map(group)
}

/// `docker-0123…​.scope`, `/docker/0123…`, `cri-containerd-0123….scope`, `/lxc.payload.name`, `systemd-nspawn@name.service`. What is
/// inside of a container makes groups of its own, and names them as it likes: so the first one counts.
fn group(path: &str) -> Option<Group> {
    let mut user = None;
    let mut parent = "";
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        // What stands below is named by that user.
        user = user.or_else(|| user_of(segment));
        let name = segment.strip_suffix(".scope").unwrap_or(segment);
        let (engine, id) = name.rsplit_once('-').unwrap_or((parent, name));
        let named = |name: &str| (!name.is_empty()).then(|| KnownAs::Name(printable(unescape(name).as_bytes())));
        let found = if engine.ends_with("-conmon") {
            return None; // it watches over the container, outside
        } else if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let engine = match engine {
                "docker" => "docker",
                "libpod" | "libpod_parent" => "podman",
                "crio" | "cri-o" => "cri-o",
                "cri-containerd" | "nerdctl" => "containerd",
                _ => "container",
            };
            Some((engine, KnownAs::Id(id.to_ascii_lowercase())))
        } else if let Some(name) = segment.strip_prefix("lxc.payload.") {
            named(name).map(|name| ("lxc", name))
        } else if parent == "lxc" {
            named(segment).map(|name| ("lxc", name))
        } else if let Some(unit) = segment.strip_prefix("systemd-nspawn@") {
            if segments.peek() == Some(&"supervisor") {
                return None; // it watches over the container, outside
            }
            named(unit.strip_suffix(".service")?).map(|name| ("nspawn", name))
        } else {
            None
        };
        if let Some((engine, known_as)) = found {
            return Some(Group { engine, known_as, user: user.and_then(|user| user.parse().ok()) });
        }
        parent = segment;
    }
    None
}

/// How lists show the container of a path: `docker 0123456789ab`. What is a unit of systemd as well is shown as that.
fn container(path: &str) -> Option<String> {
    let group = group(path).filter(|group| group.engine != "nspawn")?;
    let name = match &group.known_as {
        KnownAs::Id(id) => id.get(..SHORT_ID)?,
        KnownAs::Name(name) => name,
    };
    let of_user = group.user.map_or(String::new(), |user| format!(" of user {user}"));
    Some(format!("{} {name}{of_user}", group.engine))
}

/// The unit of the path. Below a unit its own processes make groups, and name them as they like: so the first one counts, which
/// systemd made. Below `user@1000.service` it is the manager of that user who makes units: one that is called `nginx.service`
/// is none of the system.
fn systemd_unit(path: &str) -> Option<String> {
    let is_unit = |segment: &&str| segment.ends_with(".service") || segment.ends_with(".scope");
    let mut units = path.split('/').filter(is_unit);
    let first = units.next()?;
    let shown = |unit: &str| printable(unescape(unit).as_bytes());
    match (user_of(first), units.next()) {
        (Some(user), Some(unit)) => Some(format!("{} of user {user}", shown(unit))),
        _ => Some(shown(first)),
    }
}

/// The user whose manager this unit is: `user@1000.service`.
fn user_of(unit: &str) -> Option<&str> {
    let user = unit.strip_prefix("user@")?.strip_suffix(".service")?;
    (!user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit())).then_some(user)
}

/// systemd writes `-` within names as `\x2d`.
fn unescape(name: &str) -> String {
    name.replace("\\x2d", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_unit_is_the_one_that_systemd_made() {
        assert_eq!(unit("0::/system.slice/ssh.service\n").as_deref(), Some("ssh.service"));
        assert_eq!(unit("0::/system.slice/own.service/nginx.service\n").as_deref(), Some("own.service"));
        assert_eq!(
            unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service").as_deref(),
            Some("nginx.service of user 1000")
        );
        assert_eq!(
            unit("0::/user.slice/user-1000.slice/user@1000.service/user@0.service/nginx.service").as_deref(),
            Some("user@0.service of user 1000")
        );
        let own = format!("0::/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{ID}.scope");
        assert_eq!(unit(&own).as_deref(), Some("docker 0123456789ab of user 1000"));
        assert_eq!(unit("0::/user.slice/user-0.slice/user@0.service").as_deref(), Some("user@0.service"));
        assert_eq!(
            unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-my\\x2dtool.service").as_deref(),
            Some("app-my-tool.service of user 1000")
        );
        assert_eq!(unit("0::/user.slice/user-0.slice/session-3.scope").as_deref(), Some("session-3.scope"));
    }

    #[test]
    fn a_container_is_named_by_its_engine_and_short_id() {
        for (path, name) in [
            (format!("0::/system.slice/docker-{ID}.scope"), "docker 0123456789ab"),
            (format!("0::/kubepods.slice/pod7.slice/cri-containerd-{ID}.scope"), "containerd 0123456789ab"),
            (format!("5:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n"), "docker 0123456789ab"),
            (format!("0::/machine.slice/libpod-{ID}.scope/container"), "podman 0123456789ab"),
            ("0::/lxc.payload.web/system.slice/nginx.service".to_owned(), "lxc web"),
            ("0::/lxc/101/ns/system.slice/nginx.service".to_owned(), "lxc 101"),
            ("0::/machine.slice/systemd-nspawn@web.service/payload".to_owned(), "systemd-nspawn@web.service"),
        ] {
            assert_eq!(unit(&path).as_deref(), Some(name), "{path}");
        }
    }

    #[test]
    fn what_a_container_makes_inside_of_itself_does_not_rename_it() {
        let other = ID.replace('0', "f");
        let nested = container_of(&format!("0::/system.slice/docker-{ID}.scope/docker/{other}"));
        let known_as = KnownAs::Id(ID.to_owned());
        assert_eq!(nested, Some(Group { engine: "docker", known_as, user: None }));
        let nspawn = container_of("0::/machine.slice/systemd-nspawn@my\\x2dweb.service/payload").unwrap();
        assert_eq!((nspawn.engine, nspawn.known_as), ("nspawn", KnownAs::Name("my-web".to_owned())));
        let own = format!("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container");
        assert_eq!(container_of(&own).map(|group| (group.engine, group.user)), Some(("podman", Some(1000))));
        assert_eq!(container_of("0::/system.slice/ssh.service"), None);
        assert_eq!(container_of(&format!("0::/machine.slice/libpod-conmon-{ID}.scope")), None);
        assert_eq!(container_of("0::/machine.slice/systemd-nspawn@web.service/supervisor"), None);
    }

    #[test]
    fn without_a_group_of_its_own_a_process_has_no_unit() {
        assert_eq!(unit("9:name=systemd:/\n4:memory:/process/26d1\n0::/\n"), None);
        assert_eq!(unit(""), None);
        assert_eq!(unit("4:memory:/a.service\n0::/\n9:name=systemd:/init.scope").as_deref(), Some("init.scope"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,120}") {
            let _ = (unit(&text), container_of(&text));
        }
    }

    #[test]
    fn units_are_found_by_the_inodes_of_their_directories() {
        use std::os::unix::fs::MetadataExt as _;
        let mount = tempfile::tempdir().unwrap();
        let folder = mount.path().join("system.slice/ssh.service/session");
        fs::create_dir_all(&folder).unwrap();
        fs::write(mount.path().join("system.slice/a.service"), "no directory").unwrap();
        let units = units_below(mount.path());
        let of = |path: &Path| units.get(&fs::metadata(path).unwrap().ino()).map(String::as_str);
        assert_eq!(of(&folder), Some("ssh.service"));
        assert_eq!(of(folder.parent().unwrap()), Some("ssh.service"));
        assert_eq!(of(&mount.path().join("system.slice")), None);
        assert_eq!((of(mount.path()), units.len()), (None, 2));
        assert!(units_below(Path::new("/nowhere")).is_empty());
    }
}
