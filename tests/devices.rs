//! The probe `devices`: statistics of drivers as they were recorded, and the real kernel in network namespaces of its own.

mod support;

use std::fs;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use casebook::case::Observed;
use casebook::probe::devices::{
    Device, Devices, DevicesProbe, Loss, Meaning, Params, Way, XdpMode, drivers, statistics,
};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use support::namespace::{in_namespace, ip};
use support::need::{require, tool};

/// The statistics of a recorded output.
fn recorded(name: &str) -> statistics::Reading {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devices").join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap();
    let rows = text.lines().filter_map(|line| line.rsplit_once(": "));
    rows.filter_map(|(name, figure)| Some((name.to_owned(), figure.trim().parse().ok()?))).collect()
}

/// A row: name, figure, meaning, way.
type Row = (String, u64, Meaning, Way);
/// The same as it is written in a table.
type Wanted = (&'static str, u64, Meaning, Way);

/// What a driver's recorded statistics tell.
fn told(driver: &str, output: &str) -> Vec<Row> {
    let rows = statistics::told(driver, None, &recorded(output)).losses;
    rows.into_iter().map(|loss| (loss.name, loss.ever, loss.meaning, loss.way)).collect()
}

fn rows(rows: &[Wanted]) -> Vec<Row> {
    rows.iter().map(|(name, figure, meaning, way)| ((*name).to_owned(), *figure, *meaning, *way)).collect()
}

#[test]
fn recorded_statistics_of_every_driver_are_meant_as_the_driver_means_them() {
    use Meaning::{Allowance, CardFull, Damaged, RingFull};
    use Way::{Both, In, Out};
    let wanted: &[(&str, &str, &[Wanted])] = &[
        (
            "ena",
            "ena",
            &[
                ("bw_in_allowance_exceeded", 38_750_610, Allowance, In),
                ("bw_out_allowance_exceeded", 1_165_693, Allowance, Out),
                ("pps_allowance_exceeded", 103, Allowance, Both),
            ],
        ),
        ("ena", "ena-quiet", &[]),
        ("gve", "gve", &[]),
        (
            "mlx5_core",
            "mlx5_core",
            &[
                ("rx_discards_phy", 441_063_206_498, CardFull, In),
                ("rx_prio0_discards", 441_063_206_498, CardFull, In),
                ("rx_out_of_buffer", 534_918_379, RingFull, In),
            ],
        ),
        ("i40e", "i40e", &[("rx_dropped", 3322, RingFull, In)]),
        ("ice", "ice", &[("rx_dropped", 7_206_525, RingFull, In)]),
        ("ixgbe", "ixgbe", &[("rx_no_dma_resources", 1109, RingFull, In)]),
        ("igb", "igb", &[("rx_fifo_errors", 4300, RingFull, In), ("rx_queue_*_drops", 4300, RingFull, In)]),
        ("e1000e", "e1000e", &[("rx_missed_errors", 4954, CardFull, In), ("rx_no_buffer_count", 527, RingFull, In)]),
        (
            "bnxt_en",
            "bnxt_en",
            &[
                ("rx_total_ring_discards", 655_430_134, RingFull, In),
                ("[*]: rx_discards", 22_374_555, RingFull, In),
                ("rx_stat_discard", 49_337, CardFull, In),
            ],
        ),
        ("virtio_net", "virtio_net", &[]),
        ("vmxnet3", "vmxnet3", &[("pkts rx OOB", 632, RingFull, In)]),
        ("hv_netvsc", "hv_netvsc", &[]),
        ("r8169", "r8169", &[("rx_errors", 4106, Damaged, In), ("align_errors", 1370, Damaged, In)]),
    ];
    for (driver, output, wanted) in wanted {
        assert_eq!(told(driver, output), rows(wanted), "{output}");
    }
}

#[test]
fn recorded_names_that_sound_of_loss_are_all_known() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devices");
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(output) = name.strip_suffix(".txt") else { continue };
        let driver = output.split('-').next().unwrap();
        for (statistic, _) in recorded(output) {
            let shape = drivers::shape(&statistic);
            let strange = drivers::of(driver, &shape).is_none() && drivers::sounds_of_loss(&shape);
            // What is not known is shown as it is when it grows.
            let left = ["rx#_oversize_pkts_sw_drop", "rx#_arfs_err"].contains(&&*shape);
            assert!(!strange || left, "{driver}: {statistic}");
            read += 1;
        }
    }
    assert!(read > 300, "{read}");
}

#[test]
fn a_driver_is_known_by_its_recorded_statistics() {
    for output in
        ["ena", "ena-quiet", "gve", "mlx5_core", "i40e", "ice", "ixgbe", "igb", "bnxt_en", "virtio_net", "hv_netvsc"]
    {
        let read = recorded(output);
        let driver = drivers::driver_of(read.iter().map(|(name, _)| name.as_str()));
        assert_eq!(driver, output.split('-').next(), "{output}");
    }
}

#[test]
fn what_grew_between_two_recorded_outputs_is_told() {
    let told = statistics::told("ixgbe", Some(&recorded("ixgbe")), &recorded("ixgbe-10s-later"));
    let seen: Vec<(&str, Option<u64>)> = told.losses.iter().map(|loss| (loss.name.as_str(), loss.grew)).collect();
    assert_eq!(seen, [("rx_no_dma_resources", Some(10))]);
    assert!(told.losses[0].lost && told.losses[0].says.starts_with("lost at a full receive ring"));
}

fn params(interface: &str, milliseconds: u64) -> Params {
    Params { interface: interface.into(), window: Span(Duration::from_millis(milliseconds)) }
}

/// Observes, and does something within the window.
fn while_watching(interface: &str, milliseconds: u64, work: impl Fn() + Send + Sync + 'static) -> Observed<Devices> {
    let once = Once::new();
    let live = move |_| once.call_once(&work);
    let cx = Context::new(Arc::new(StartBarrier::new(1)), Arc::<Cancel>::default(), Inputs::new(), live);
    DevicesProbe.observe(params(interface, milliseconds), &cx).unwrap()
}

fn device<'a>(seen: &'a Observed<Devices>, name: &str) -> &'a Device {
    seen.output.devices.iter().find(|device| device.name == name).expect("it is listed")
}

fn loss<'a>(device: &'a Device, name: &str) -> &'a Loss {
    device.losses.iter().find(|loss| loss.name == name).unwrap_or_else(|| panic!("{:?}", device.losses))
}

/// Two ends of a wire in this namespace, with a route that sends what is for 198.51.100.0/24 from the left one to the right.
fn wire() {
    ip("link add left type veth peer name right");
    for end in ["left", "right"] {
        // IPv6 would send packets of its own. A kernel without it has no such setting.
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6"), "1");
    }
    ip("addr add 192.0.2.1/24 dev left");
    ip("link set left up");
    ip("link set right up");
    ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev left");
    // Until the kernel has noticed the carrier, an end throws away what it shall send.
    for end in ["left", "right"] {
        let is_up = || {
            let shown = Command::new("ip").args(["link", "show", "dev", end]).output().unwrap().stdout;
            let shown = String::from_utf8_lossy(&shown).into_owned();
            shown.contains("state UP") && !shown.contains("qdisc noop ")
        };
        let until = Instant::now() + Duration::from_secs(10);
        while !is_up() {
            assert!(Instant::now() < until, "{end} never came up");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "{program} {arguments}");
}

fn send(packets: usize) {
    let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
    for _ in 0..packets {
        // A discipline that drops says so (ENOBUFS).
        let _ = socket.send_to(&[0; 100], "192.0.2.9:9");
    }
}

#[test]
fn a_virtual_wire_says_what_it_is_and_how_it_is_set() {
    in_namespace(|| {
        wire();
        let seen = DevicesProbe.observe(params("left", 20), &Context::alone()).unwrap();
        let left = device(&seen, "left");
        assert_eq!((left.driver.as_deref(), left.kind.as_deref()), (Some("veth"), Some("veth")));
        assert!(left.watched && left.link && seen.output.devices[0].name == "left");
        assert_eq!(left.speed_bits_per_second, Some(10_000_000_000));
        assert_eq!((left.rings, left.interrupts.clone()), (None, None), "a wire has neither");
        assert!(left.queues.is_some_and(|queues| queues.rx == 1 && queues.tx == 1), "{:?}", left.queues);
        let offloads = left.offloads.unwrap();
        assert_eq!((offloads.tso, offloads.lro), (Some(true), Some(false)));
        assert!(left.statistics.is_some_and(|count| count > 1) && left.losses.is_empty() && left.unknown.is_empty());
        assert!(left.disciplines.as_ref().is_some_and(|all| all[0].parent == "root"), "{:?}", left.disciplines);
        // What is mounted at /sys is another namespace's, and must not be believed.
        assert_eq!(left.steering, None);
        let gap = seen.missing.iter().find(|missing| missing.fields == ["devices.steering"]).expect("a gap tells it");
        assert!(gap.gap.why.contains("another network namespace"), "{}", gap.gap);
        assert_eq!(seen.missing.len(), 1, "{:?}", seen.missing);
        let lo = device(&seen, "lo");
        assert_eq!((lo.statistics, lo.driver.clone()), (None, None));
    });
}

#[test]
fn what_a_discipline_drops_is_counted_exactly() {
    require!(tool("tc"));
    in_namespace(|| {
        wire();
        // 1,600 bytes pass at once, 1,500 wait; a packet has 142.
        run("tc", "qdisc add dev left root handle 1: tbf rate 8bit burst 1600 limit 1500");
        let namespace = fs::File::open("/proc/thread-self/ns/net").unwrap();
        let seen = while_watching("left", 300, move || {
            nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            send(60);
        });
        let root = &device(&seen, "left").disciplines.as_ref().unwrap()[0];
        assert_eq!((root.kind.as_str(), root.handle.as_deref(), root.parent.as_str()), ("tbf", Some("1:"), "root"));
        assert_eq!((root.dropped, root.dropped_ever), (Some(39), Some(39)));
        assert_eq!((root.waiting_before, root.waiting, root.waiting_bytes), (Some(0), Some(10), Some(1420)));
        assert_eq!((root.packets, root.bytes), (Some(11), Some(1562)));
        let again = DevicesProbe.observe(params("left", 20), &Context::alone()).unwrap();
        let root = &device(&again, "left").disciplines.as_ref().unwrap()[0];
        assert_eq!((root.dropped, root.dropped_ever), (Some(0), Some(39)));
    });
}

/// Attaches a program that drops everything to an interface, in its driver; it ends with what is given back.
fn drop_all(interface: &str) -> OwnedFd {
    // r0 = XDP_DROP; exit
    let program: [u64; 2] = [1 << 32 | 0xb7, 0x95];
    let mut load = [0u64; 16];
    load[0] = 6 | (program.len() as u64) << 32; // BPF_PROG_TYPE_XDP
    load[1] = program.as_ptr() as u64;
    load[2] = c"GPL".as_ptr() as u64;
    let program = bpf(5, &load).expect("an XDP program can be loaded");
    let index = u64::from(nix::net::if_::if_nametoindex(interface).unwrap());
    let mut link = [0u64; 16];
    link[0] = program.as_raw_fd() as u64 | index << 32;
    link[1] = 37 | 4 << 32; // BPF_XDP, XDP_FLAGS_DRV_MODE
    bpf(28, &link).expect("it can be attached")
}

#[expect(unsafe_code, reason = "no crate of ours attaches XDP programs")]
fn bpf(command: i32, attributes: &[u64; 16]) -> std::io::Result<OwnedFd> {
    // SAFETY: the attributes and what they point to live until the call returns.
    let descriptor = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_ptr(), size_of_val(attributes)) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}

#[test]
fn what_an_xdp_program_drops_is_told_and_is_no_loss() {
    in_namespace(|| {
        wire();
        let program = drop_all("right");
        let namespace = fs::File::open("/proc/thread-self/ns/net").unwrap();
        let seen = while_watching("right", 300, move || {
            nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            send(40);
        });
        let right = device(&seen, "right");
        assert!(right.xdp.is_some_and(|xdp| xdp.mode == XdpMode::Native && xdp.program > 0), "{:?}", right.xdp);
        let dropped = loss(right, "rx_queue_0_xdp_drops");
        assert_eq!(
            (dropped.grew, dropped.meaning, dropped.way, dropped.lost),
            (Some(40), Meaning::Xdp, Way::In, false)
        );
        assert_eq!(dropped.says, "dropped by an XDP program");
        drop(program);
        let after = DevicesProbe.observe(params("right", 20), &Context::alone()).unwrap();
        assert_eq!(device(&after, "right").xdp, None);
    });
}

#[test]
#[expect(unsafe_code, reason = "the C library gives up root for all threads at once")]
fn the_same_is_seen_without_root() {
    in_namespace(|| {
        wire();
        let whole = DevicesProbe.observe(params("left", 20), &Context::alone()).unwrap();
        let seen = std::thread::spawn(|| {
            use nix::unistd::{Gid, Uid};
            // Of this thread alone.
            let nobody = (Gid::from_raw(65534).as_raw(), Uid::from_raw(65534).as_raw());
            // SAFETY: both calls take three numbers.
            unsafe {
                assert_eq!(libc::syscall(libc::SYS_setresgid, nobody.0, nobody.0, nobody.0), 0);
                assert_eq!(libc::syscall(libc::SYS_setresuid, nobody.1, nobody.1, nobody.1), 0);
            }
            DevicesProbe.observe(params("left", 20), &Context::alone()).unwrap()
        });
        let seen = seen.join().unwrap();
        assert_eq!(seen.missing, whole.missing);
        assert_eq!(device(&seen, "left"), device(&whole, "left"));
    });
}

#[test]
fn many_devices_stay_few_in_the_result_and_cheap() {
    in_namespace(|| {
        wire();
        let commands: String = (0..120).map(|n| format!("link add v{n} type veth peer name p{n}\n")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), commands).unwrap();
        ip(&format!("-batch {}", file.path().display()));
        let began = Instant::now();
        let seen = DevicesProbe.observe(params("left", 0), &Context::alone()).unwrap();
        assert_eq!((seen.output.devices.len(), seen.output.devices_left_out), (16, 243 - 16));
        assert_eq!(seen.output.devices[0].name, "left");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    });
}
