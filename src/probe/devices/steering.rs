//! How packets of a device are handed to CPUs, from `/sys/class/net`.

use std::path::Path;

use super::output::{Queues, Steering};
use crate::probe::sysfs;
use crate::sys::rtnetlink::Link;

/// Queues of each kind that are looked at.
const MOST_QUEUES: u32 = 256;

/// How packets of a link are handed to CPUs; none where no sysfs shows this link.
pub(super) fn of(link: &Link) -> Option<Steering> {
    in_folder(&sysfs::folder(link)?)
}

/// The same from a folder; none where it has no queues.
fn in_folder(folder: &Path) -> Option<Steering> {
    let text = |path: &str| sysfs::text(folder, path);
    let mut steering = Steering { threaded: text("threaded").map(|said| said == "1"), ..Steering::default() };
    let queues = folder.join("queues");
    while steering.rx_queues < MOST_QUEUES && queues.join(format!("rx-{}", steering.rx_queues)).is_dir() {
        let queue = format!("queues/rx-{}", steering.rx_queues);
        let mask = text(&format!("{queue}/rps_cpus"));
        steering.rps_queues += u32::from(mask.as_deref().is_some_and(is_set));
        if steering.rx_queues == 0 {
            steering.rps_cpus = mask;
        }
        let flows = text(&format!("{queue}/rps_flow_cnt")).and_then(|flows| flows.parse::<u64>().ok());
        steering.rfs_flows =
            flows.map(|flows| steering.rfs_flows.unwrap_or(0).saturating_add(flows)).or(steering.rfs_flows);
        steering.rx_queues += 1;
    }
    while steering.tx_queues < MOST_QUEUES && queues.join(format!("tx-{}", steering.tx_queues)).is_dir() {
        // Of a device with one queue the kernel does not say: ENOENT.
        let mask = text(&format!("queues/tx-{}/xps_cpus", steering.tx_queues));
        steering.xps_queues += u32::from(mask.as_deref().is_some_and(is_set));
        steering.tx_queues += 1;
    }
    (steering.rx_queues > 0 || steering.tx_queues > 0).then_some(steering)
}

/// Whether a mask of CPUs such as `00000000,0000000f` has any.
fn is_set(mask: &str) -> bool {
    mask.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0')
}

/// The queues that it shows, where the driver does not say how many there are.
pub(super) fn queues(steering: &Steering) -> Queues {
    Queues { rx: steering.rx_queues, tx: steering.tx_queues, rx_most: None, tx_most: None }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn masks_and_flows_of_queues_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("threaded", "0\n"),
            ("queues/rx-0/rps_cpus", "00000000,00000000\n"),
            ("queues/rx-0/rps_flow_cnt", "2048\n"),
            ("queues/rx-1/rps_cpus", "00000000,0000000c\n"),
            ("queues/rx-1/rps_flow_cnt", "2048\n"),
            ("queues/tx-0/xps_cpus", "1\n"),
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let seen = in_folder(folder.path()).unwrap();
        assert_eq!((seen.rx_queues, seen.rps_queues, seen.rps_cpus.as_deref()), (2, 1, Some("00000000,00000000")));
        assert_eq!((seen.rfs_flows, seen.tx_queues, seen.xps_queues, seen.threaded), (Some(4096), 1, 1, Some(false)));
        assert_eq!(in_folder(&folder.path().join("none")), None);
    }
}
