//! What kind of machine it is: bare metal, a guest of a hypervisor, a container.

use std::fs;
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
    /// `/proc/1/cgroup`.
    control_groups: String,
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
            control_groups: text("/proc/1/cgroup"),
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
        let declared = self.declared.trim();
        if !declared.is_empty() {
            return Some(declared.to_owned());
        }
        if let Some((_, engine)) = CONTROL_GROUPS.iter().find(|(part, _)| self.control_groups.contains(part)) {
            return Some((*engine).to_owned());
        }
        let subsystem = self.release.to_lowercase().contains("microsoft");
        self.mark.map(str::to_owned).or_else(|| subsystem.then(|| "wsl".to_owned()))
    }
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
}
