//! The ways into other namespaces, and the numbers by which this one knows them.

use std::collections::HashMap;
use std::fs;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Instant;

use super::host_links::HostLinks;
use super::residents::Residents;
use super::visit::{self, Depth, Round, Way};
use crate::case::Gap;
use crate::probe::Context;
use crate::sys::network_namespace::NetworkNamespace;
use crate::sys::rtnetlink::Rtnetlink;

/// Processes by which a namespace is entered, should the first ones end.
const WAYS_IN: usize = 4;
/// Names of namespaces that are looked at.
const MOST_NAMED: usize = 4096;
/// Where namespaces are mounted on names: by `ip netns` and by container network plugins; by Docker.
const MOUNTED: [&str; 2] = ["/run/netns", "/run/docker/netns"];

/// The ways into all other namespaces: by their processes, and by the files that they are mounted on. And what could not be
/// listed.
pub fn ways(residents: &Residents, here: u64) -> (Vec<Way>, Vec<Gap>) {
    let mut ways: HashMap<u64, Way> = HashMap::new();
    for (number, inhabitants) in &residents.elsewhere {
        let pids = inhabitants.members.iter().take(WAYS_IN).map(|(pid, _)| *pid).collect();
        ways.insert(*number, Way { number: *number, pids, path: None });
    }
    let mut refused = Vec::new();
    for folder in MOUNTED {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                refused.push(Gap::io(format!("list the named network namespaces ({folder})"), &error));
                continue;
            }
        };
        for entry in entries.flatten().take(MOST_NAMED) {
            let path = Path::new(folder).join(entry.file_name());
            let Ok(namespace) = NetworkNamespace::at(&path) else { continue };
            if namespace.number != here {
                let way = ways.entry(namespace.number).or_insert(Way { number: namespace.number, ..Way::default() });
                way.path.get_or_insert(path);
            }
        }
    }
    let mut ways: Vec<Way> = ways.into_values().collect();
    ways.sort_by_key(|way| way.number);
    (ways, refused)
}

/// The numbers by which this namespace knows the others, where an interface of it leads there. They hold for links that were
/// listed before they were asked for.
#[derive(Debug, Default)]
pub struct Numbers {
    /// By the number of the file.
    pub of: HashMap<u64, i32>,
    /// Namespaces that were not asked about, since the time was over.
    pub not_reached: u64,
}

impl Numbers {
    /// Asks for them, as long as there is time.
    pub fn ask(ways: &[Way], door: &mut Rtnetlink, until: Instant) -> Self {
        let mut numbers = Numbers::default();
        for (done, way) in ways.iter().enumerate() {
            if Instant::now() >= until {
                numbers.not_reached = (ways.len() - done) as u64;
                break;
            }
            // One that ended is not opened.
            let number = way.open().and_then(|namespace| door.number_of(namespace.as_fd()));
            if let Ok(Some(number)) = number {
                numbers.of.insert(way.number, number);
            }
        }
        numbers
    }
}

/// The interfaces of this namespace.
pub fn links(door: &mut Rtnetlink) -> Result<HostLinks, Gap> {
    door.links().map(HostLinks::new).map_err(|error| Gap::io("list the network interfaces (RTM_GETLINK)", &error))
}

/// Looks into namespaces, each to its depth.
pub fn look_around<W: std::borrow::Borrow<Way>>(
    ways: &[W],
    depth: impl Fn(usize) -> Depth,
    until: Instant,
    cx: &Context,
) -> Result<Round, Gap> {
    look_around_beside(ways, depth, until, cx, || ()).map(|(round, ())| round)
}

/// The same, while the calling thread does something of its `own`.
pub fn look_around_beside<W: std::borrow::Borrow<Way>, R>(
    ways: &[W],
    depth: impl Fn(usize) -> Depth,
    until: Instant,
    cx: &Context,
    own: impl FnOnce() -> R,
) -> Result<(Round, R), Gap> {
    let ways: Vec<(&Way, Depth)> = ways.iter().enumerate().map(|(at, way)| (way.borrow(), depth(at))).collect();
    let (round, done) = visit::round(&ways, until, cx, own);
    Ok((round.map_err(|error| Gap::io("look into network namespaces", &error))?, done))
}
