//! What kind of machine it is: bare metal, a guest of a hypervisor, a container.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What firmware says of itself (`/sys/class/dmi/id`), in lower case, and the hypervisor that says so.
const FIRMWARE: &[(&str, &str)] = &[
    ("amazon ec2", "amazon"),
    ("google compute engine", "google"),
    ("vmware", "vmware"),
    ("virtualbox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("xen", "xen"),
    ("microsoft corporation virtual machine", "hyper-v"),
    ("parallels", "parallels"),
    ("bhyve", "bhyve"),
    ("openstack", "kvm"),
    ("kubevirt", "kvm"),
    ("kvm", "kvm"),
    ("qemu", "qemu"),
];

/// Clocks that only guests have (`available_clocksource`), and the hypervisor that gives them.
const CLOCKS: &[(&str, &str)] =
    &[("kvm-clock", "kvm"), ("hyperv_clocksource", "hyper-v"), ("xen", "xen"), ("vmware", "vmware")];

/// Parts of the paths of control groups that container engines make, and the engine.
const CONTROL_GROUPS: &[(&str, &str)] = &[
    ("/kubepods", "kubernetes"),
    ("/docker", "docker"),
    ("/libpod", "podman"),
    ("/lxc", "lxc"),
    ("/machine.slice/machine-", "systemd-nspawn"),
    ("/containerd", "containerd"),
];

/// Parts of the path of an overlay's upper layer that container engines make, and the engine.
const LAYERS: &[(&str, &str)] = &[
    ("/docker/", "docker"),
    ("/containers/storage/", "podman"),
    ("/containerd/", "containerd"),
    ("/crio/", "kubernetes"),
];
/// Where a pod finds its account.
const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The number of the first PID namespace (kernel: include/linux/proc_ns.h, PROC_PID_INIT_INO).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
/// The number of the first mount namespace (kernel: include/uapi/linux/nsfs.h, from Linux 6.18), and where the root that the machine
/// started with is seen: that of the first process, and that of the kernel's threads, where the first process hides its own.
const FIRST_MOUNT_NAMESPACE: &str = "mnt:[4026531832]";
const FIRST_ROOTS: [&str; 2] = ["/proc/1/root", "/proc/2/root"];

/// What is known of the machine from outside this module, as texts; missing ones are empty.
#[derive(Debug, Clone, Default)]
pub struct Traits {
    /// Vendor and product names of the firmware.
    firmware: String,
    /// The names of the clocks that the kernel could use.
    clocks: String,
    /// `/proc/cpuinfo`, its beginning.
    cpuinfo: String,
    /// `/sys/hypervisor/type`.
    hypervisor: String,
    /// What systemd or the container engine wrote for the first process: `docker`.
    declared: String,
    /// Whether a container engine left its mark: the name of the engine.
    mark: Option<&'static str>,
    /// `/proc/1/cgroup` and `/proc/self/cgroup`.
    control_groups: String,
    /// The upper layer of the overlay that is the root; empty where it is none.
    layer: String,
    /// Kubernetes left its mark.
    pod: bool,
    /// The root is the one that the machine itself started with: whatever marks it has, this is no container. An image of a
    /// container may be the root of a small virtual machine.
    is_first_root: bool,
    /// The kernel's release.
    release: String,
}

impl Traits {
    /// Reads them. Those that cannot be read are left empty.
    pub fn now() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let firmware = ["sys_vendor", "product_name", "bios_vendor", "product_version"]
            .map(|name| text(&format!("/sys/class/dmi/id/{name}")).trim().to_owned());
        let marks = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman"), ("/run/.containerd", "containerd")];
        let declared = text("/run/systemd/container");
        Traits {
            firmware: firmware.join(" "),
            clocks: text("/sys/devices/system/clocksource/clocksource0/available_clocksource"),
            cpuinfo: beginning("/proc/cpuinfo"),
            hypervisor: text("/sys/hypervisor/type"),
            declared: if declared.trim().is_empty() { declared_to_init() } else { declared },
            mark: marks.into_iter().find(|(path, _)| Path::new(path).exists()).map(|(_, engine)| engine),
            control_groups: text("/proc/1/cgroup") + &text("/proc/self/cgroup"),
            layer: layer(&text("/proc/self/mountinfo")),
            pod: env::var_os("KUBERNETES_SERVICE_HOST").is_some() || Path::new(POD).exists(),
            is_first_root: is_first_root(),
            release: text("/proc/sys/kernel/osrelease"),
        }
    }

    /// The hypervisor: `none` on bare metal, `unnamed` if there is one that does not say its name; nothing if it cannot
    /// be told.
    pub fn hypervisor(&self) -> Option<String> {
        if !self.hypervisor.trim().is_empty() {
            return Some(self.hypervisor.trim().to_owned());
        }
        let firmware = self.firmware.to_lowercase();
        if let Some((_, name)) = FIRMWARE.iter().find(|(said, _)| firmware.contains(said)) {
            // The same vendor also sells machines of metal, and calls them so.
            return Some(if firmware.contains(".metal") { "none".to_owned() } else { (*name).to_owned() });
        }
        if let Some((_, name)) = CLOCKS.iter().find(|(clock, _)| self.clocks.contains(clock)) {
            return Some((*name).to_owned());
        }
        // Only x86 has the line of flags in which a hypervisor shows.
        let flags = self.cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'))?.1;
        let guest = flags.split_ascii_whitespace().any(|flag| flag == "hypervisor");
        Some(if guest { "unnamed" } else { "none" }.to_owned())
    }

    /// The container engine, if this runs in a container.
    pub fn container(&self) -> Option<String> {
        if self.is_first_root {
            return None;
        }
        let declared = self.declared.trim();
        if self.pod {
            return Some("kubernetes".to_owned());
        }
        if !declared.is_empty() {
            return Some(declared.to_owned());
        }
        if let Some((_, engine)) = CONTROL_GROUPS.iter().find(|(part, _)| self.control_groups.contains(part)) {
            return Some((*engine).to_owned());
        }
        if let Some((_, engine)) = LAYERS.iter().find(|(part, _)| self.layer.contains(part)) {
            return Some((*engine).to_owned());
        }
        let subsystem = self.release.to_lowercase().contains("microsoft");
        self.mark.map(str::to_owned).or_else(|| subsystem.then(|| "wsl".to_owned()))
    }
}

/// Whether this is the first PID namespace; none without `/proc`.
pub(super) fn first_pid_namespace() -> Option<bool> {
    fs::read_link("/proc/self/ns/pid").ok().map(|link| link == Path::new(FIRST_PID_NAMESPACE))
}

/// The upper layer of the overlay that is the root, from `/proc/self/mountinfo`.
fn layer(mounts: &str) -> String {
    let is_root = |line: &&str| line.split(' ').nth(4) == Some("/");
    let root = mounts.lines().rfind(is_root).and_then(|line| line.split_once(" - overlay "));
    let layer =
        root.and_then(|(_, options)| options.split([' ', ',']).find_map(|option| option.strip_prefix("upperdir=")));
    layer.unwrap_or_default().to_owned()
}

/// Whether the root is that of the first process of the machine itself. False where it cannot be told.
fn is_first_root() -> bool {
    if first_pid_namespace() != Some(true) {
        return false;
    }
    let place = |path: &str| fs::metadata(path).map(|root| (root.dev(), root.ino())).ok();
    let mounts = fs::read_link("/proc/self/ns/mnt").unwrap_or_default();
    let is_ours = |path: &str| place(path).is_some_and(|root| Some(root) == place("/"));
    mounts == Path::new(FIRST_MOUNT_NAMESPACE) || FIRST_ROOTS.into_iter().any(is_ours)
}

/// The beginning of a file, which may be long on a machine with many CPUs.
fn beginning(path: &str) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let _ = fs::File::open(path).map(|file| file.take(16 << 10).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The engine by the variable `container`, which the first process of a container has; only root may read it.
fn declared_to_init() -> String {
    let environment = fs::read("/proc/1/environ").unwrap_or_default();
    let variable = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"container="));
    String::from_utf8_lossy(variable.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "processor\t: 0\nflags\t\t: fpu vme sse2\n";
    const GUEST: &str = "processor\t: 0\nflags\t\t: fpu vme sse2 hypervisor\n";

    #[test]
    fn firmware_names_the_hypervisor() {
        let traits = Traits { firmware: "VMware, Inc. VMware7,1".into(), cpuinfo: GUEST.into(), ..Traits::default() };
        assert_eq!(traits.hypervisor().as_deref(), Some("vmware"));
        let metal = Traits { firmware: "Amazon EC2 c5.metal".into(), cpuinfo: BARE.into(), ..Traits::default() };
        assert_eq!(metal.hypervisor().as_deref(), Some("none"));
    }

    #[test]
    fn a_guest_without_firmware_is_known_by_its_clock() {
        let traits = Traits { clocks: "kvm-clock tsc\n".into(), cpuinfo: GUEST.into(), ..Traits::default() };
        assert_eq!(traits.hypervisor().as_deref(), Some("kvm"));
        let nameless = Traits { clocks: "tsc\n".into(), cpuinfo: GUEST.into(), ..Traits::default() };
        assert_eq!(nameless.hypervisor().as_deref(), Some("unnamed"));
    }

    #[test]
    fn bare_metal_is_told_from_not_knowing() {
        let metal = Traits { cpuinfo: BARE.into(), ..Traits::default() };
        assert_eq!(metal.hypervisor().as_deref(), Some("none"));
        assert_eq!(Traits::default().hypervisor(), None);
    }

    #[test]
    fn a_container_is_known_by_any_of_its_marks() {
        let pod = Traits { control_groups: "0::/kubepods.slice/pod1/abc\n".into(), ..Traits::default() };
        assert_eq!(pod.container().as_deref(), Some("kubernetes"));
        let docker = Traits { mark: Some("docker"), control_groups: "0::/\n".into(), ..Traits::default() };
        assert_eq!(docker.container().as_deref(), Some("docker"));
        let declared = Traits { declared: "lxc\n".into(), ..Traits::default() };
        assert_eq!(declared.container().as_deref(), Some("lxc"));
        assert_eq!(Traits { control_groups: "0::/init.scope\n".into(), ..Traits::default() }.container(), None);
    }

    #[test]
    fn a_container_with_a_control_group_namespace_is_known_by_its_root_or_by_kubernetes() {
        let mounts = "1 2 0:3 / /proc rw - proc proc rw\n\
                      620 512 0:61 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.\
                      overlayfs/snapshots/1/fs,upperdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/9/fs,\
                      workdir=/w\n";
        let plain = Traits { layer: layer(mounts), control_groups: "0::/\n".into(), ..Traits::default() };
        assert_eq!(plain.container().as_deref(), Some("containerd"));
        assert_eq!(Traits { pod: true, ..plain }.container().as_deref(), Some("kubernetes"));
        assert_eq!(layer("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"), "");
    }

    #[test]
    fn the_machine_that_has_an_image_as_its_root_is_no_container() {
        let marked = Traits { mark: Some("docker"), is_first_root: true, ..Traits::default() };
        assert_eq!(marked.container(), None);
    }
}
