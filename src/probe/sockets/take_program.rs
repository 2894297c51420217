//! The programs in the kernel that count what processes receive and send, at the tracepoints `sock:sock_recv_length` and
//! `sock:sock_send_length`, which fire when a call of a process on a socket has ended; and the connections that they open, at
//! `sock:inet_sock_set_state`, which fires within the call of the process where a socket begins to wait for its first answer.
//!
//! Only sockets of one network namespace count. What a call took from a UDP socket is added to the row of that socket and process; everything else to the row of the
//! process and protocol. Where the rows of sockets are used up, the row of the process stands in; where those are, two rows
//! for all others. A row is made at the first call and says who it is of, since the process may be gone when it is read.

use std::io;

use crate::sys::bpf::btf::KernelTypes;
use crate::sys::bpf::kernel::Map;
use crate::sys::bpf::listing::Instruction::{self, *};
use crate::sys::bpf::listing::Register::*;
use crate::sys::bpf::listing::{Helper, Size, assemble};

/// `IPPROTO_TCP`, `IPPROTO_UDP` and `IPPROTO_MPTCP`, which counts as TCP.
pub(super) const TCP: u16 = 6;
pub(super) const UDP: u16 = 17;
const MULTIPATH_TCP: i32 = 262;
/// Stands for the protocol of a row of connections that a process opened to ports that have no row.
pub(super) const OPENED: u16 = 0xfff0;
/// `AF_INET` and `AF_INET6`.
const INTERNET: i32 = 2;
pub(super) const INTERNET_6: u32 = 10;
/// The first byte of loopback addresses of IPv4.
const LOOPBACK: u8 = 127;
/// `TCP_SYN_SENT` and `TCP_CLOSE`.
const OPENS: i32 = 2;
const CLOSED: i32 = 7;
/// `MSG_PEEK` leaves in the queue what it shows; `MSG_ERRQUEUE` reads what came back of what was sent.
const TAKES_NOTHING: i32 = 0x2 | 0x2000;
/// `BPF_NOEXIST`.
const ONLY_NEW: i32 = 1;

/// A key: the socket (0: all of the process), the process, the protocol, the local port. Told apart by socket, so that two of
/// one process are two; by port, since a socket that is closed leaves its place to another.
pub(super) const KEY_BYTES: u32 = 16;
/// Where the parts of a key stand, from its beginning.
pub(super) mod key {
    pub const PROCESS: usize = 8;
    pub const PROTOCOL: usize = 12;
    /// Of what opens connections: the remote port, as on the wire.
    pub const PORT: usize = 14;
}
/// A row: four counts, then who it is of.
pub(super) const ROW_BYTES: u32 = 88;
/// Where the parts of a row stand, from its beginning.
pub(super) mod row {
    pub const RECEIVED: i16 = 0;
    pub const SENT: i16 = 16;
    pub const USER: i16 = 32;
    pub const CONTROL_GROUP: i16 = 40;
    pub const NAME: i16 = 48;
    pub const ADDRESS: i16 = 64;
    pub const FAMILY: i16 = 80;
    pub const PORT: i16 = 84;
}
/// Bytes of the rows for all others: one for UDP, one for TCP, one for what opens connections.
pub(super) const REST_BYTES: u32 = 32;
pub(super) const REST_OPENED: i32 = 2;

/// Where key, row and a pointer stand on the stack of a program.
const KEY: i16 = -16;
const ROW: i16 = KEY - ROW_BYTES as i16;
const POINTER: i16 = ROW - 8;

/// What the programs need to know of this kernel's structures, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// The number of the network namespace whose sockets are counted.
    own_namespace: u32,
    family: i16,
    protocol: i16,
    port: i16,
    remote_port: i16,
    address: i16,
    address_6: i16,
    remote: i16,
    remote_6: i16,
    namespace: i16,
    namespace_number: i16,
    leader: i16,
    name: i16,
}

impl Places {
    /// Finds them; none where a field is missing or has another size than it is read with.
    pub(super) fn find(types: &KernelTypes, own_namespace: u32) -> Option<Self> {
        let (sock, task) = (types.structure("sock")?, types.structure("task_struct")?);
        let common = |name, bytes| sock.offset(&["__sk_common", name], bytes);
        Some(Places {
            own_namespace,
            family: common("skc_family", 2)?,
            protocol: sock.offset(&["sk_protocol"], 2)?,
            port: common("skc_num", 2)?,
            remote_port: common("skc_dport", 2)?,
            address: common("skc_rcv_saddr", 4)?,
            address_6: common("skc_v6_rcv_saddr", 16)?,
            remote: common("skc_daddr", 4)?,
            remote_6: common("skc_v6_daddr", 16)?,
            namespace: sock.offset(&["__sk_common", "skc_net", "net"], 8)?,
            namespace_number: types.structure("net")?.offset(&["ns", "inum"], 4)?,
            leader: task.offset(&["group_leader"], 8)?,
            name: task.offset(&["comm"], 16)?,
        })
    }
}

/// The maps that the programs write into.
#[derive(Debug)]
pub(super) struct Maps {
    pub(super) sockets: Map,
    pub(super) processes: Map,
    pub(super) opened: Map,
    pub(super) rest: Map,
}

/// The program for what is received. It runs for each datagram of a flood, so what has a row is found with as few steps as can
/// be: whether a socket counts is looked at before it gets one.
pub(super) fn received(places: &Places, maps: &Maps) -> io::Result<Vec<u64>> {
    let mut listing = vec![Load(Size::Double, R8, R1, 16), JumpIfAny(R8, TAKES_NOTHING, "end")];
    listing.extend(what_was_moved(places));
    listing.push(JumpIfNotEqual(R8, UDP as i32, "no row"));
    listing.extend(key_of_socket(places));
    listing.extend(find(&maps.sockets));
    listing.extend([JumpIfNotEqual(R0, 0, "add"), Label("no row")]);
    listing.extend(only_own_sockets(places));
    listing.extend([Load(Size::Half, R8, R6, places.protocol), JumpIfNotEqual(R8, UDP as i32, "no datagram")]);
    listing.extend(key_of_socket(places));
    listing.extend(describe_process(places));
    listing.extend(describe_socket(places));
    listing.extend(make(&maps.sockets));
    listing.extend(find(&maps.sockets));
    listing.extend([JumpIfNotEqual(R0, 0, "add"), Jump("process"), Label("no datagram")]);
    listing.extend(only_tcp());
    listing.extend(add_to_process(places, maps, row::RECEIVED));
    assemble(&listing).map_err(io::Error::other)
}

/// The program for what is sent.
pub(super) fn sent(places: &Places, maps: &Maps) -> io::Result<Vec<u64>> {
    let mut listing = what_was_moved(places);
    listing.extend(only_own_sockets(places));
    listing.push(JumpIfEqual(R8, UDP as i32, "process"));
    listing.extend(only_tcp());
    listing.extend(add_to_process(places, maps, row::SENT));
    assemble(&listing).map_err(io::Error::other)
}

/// The program for connections that are opened: a row for each process and remote port, in which each counts as one. Where those rows
/// are used up, as by who scans ports, a row of the process stands in.
pub(super) fn opened(places: &Places, maps: &Maps) -> io::Result<Vec<u64>> {
    let mut listing = vec![
        Load(Size::Double, R6, R1, 0),
        Load(Size::Double, R7, R1, 8),
        Load(Size::Double, R8, R1, 16),
        JumpIfNotEqual(R8, OPENS, "end"),
        JumpIfNotEqual(R7, CLOSED, "end"),
        JumpIfEqual(R6, 0, "end"),
        Set(R7, 1),
        Load(Size::Half, R8, R6, places.protocol),
    ];
    listing.extend(only_own_sockets(places));
    listing.extend(only_tcp());
    listing.push(Label("process"));
    listing.extend(not_to_loopback(places));
    listing.push(StoreNumber(Size::Double, R10, KEY, 0));
    listing.extend(key_of_process());
    listing.extend([Load(Size::Half, R1, R6, places.remote_port), Store(Size::Half, R10, KEY + key::PORT as i16, R1)]);
    let mut without_row = vec![
        StoreNumber(Size::Half, R10, KEY + key::PROTOCOL as i16, i32::from(OPENED)),
        StoreNumber(Size::Half, R10, KEY + key::PORT as i16, 0),
    ];
    without_row.extend(find(&maps.processes));
    without_row.push(JumpIfNotEqual(R0, 0, "add"));
    without_row.extend(make(&maps.processes));
    without_row.extend(find(&maps.processes));
    without_row.extend([JumpIfNotEqual(R0, 0, "add"), StoreNumber(Size::Word, R10, KEY, REST_OPENED)]);
    listing.extend(add_to(&maps.opened, places, maps, row::SENT, without_row));
    assemble(&listing).map_err(io::Error::other)
}

/// Ends for a socket (R6) whose remote end is a loopback address: what calls a service here leaves by no interface.
fn not_to_loopback(places: &Places) -> Vec<Instruction> {
    let mut listing = vec![
        Load(Size::Half, R1, R6, places.family),
        JumpIfEqual(R1, INTERNET_6 as i32, "to IPv6"),
        Load(Size::Byte, R1, R6, places.remote),
        JumpIfEqual(R1, i32::from(LOOPBACK), "end"),
        Jump("elsewhere"),
        Label("to IPv6"),
        Copy(R3, R6),
        AddNumber(R3, i32::from(places.remote_6)),
    ];
    // The row is not made yet.
    listing.extend(read_kernel(ROW, 16));
    listing.extend([
        Load(Size::Double, R1, R10, ROW),
        JumpIfNotEqual(R1, 0, "elsewhere"),
        Load(Size::Word, R1, R10, ROW + 8),
        JumpIfNotEqual(R1, 0, "perhaps one of IPv4"),
        Load(Size::Word, R1, R10, ROW + 12),
        JumpIfOtherWord(R1, u32::from_ne_bytes([0, 0, 0, 1]), "elsewhere"),
        Jump("end"),
        Label("perhaps one of IPv4"),
        JumpIfOtherWord(R1, u32::from_ne_bytes([0, 0, 0xff, 0xff]), "elsewhere"),
        Load(Size::Byte, R1, R10, ROW + 12),
        JumpIfEqual(R1, i32::from(LOOPBACK), "end"),
        Label("elsewhere"),
    ]);
    listing
}

/// R6 = the socket, R7 = the bytes, R8 = the protocol; ends for a call that failed.
fn what_was_moved(places: &Places) -> Vec<Instruction> {
    vec![
        Load(Size::Double, R6, R1, 0),
        Load(Size::Double, R7, R1, 8),
        JumpIfEqual(R6, 0, "end"),
        JumpIfAbove(R7, i32::MAX, "end"), // a negative number of 32 bits: the call failed
        Load(Size::Half, R8, R6, places.protocol),
    ]
}

/// Ends for sockets (R6) that are not of the Internet, whose protocols have other numbers, or of another network namespace.
fn only_own_sockets(places: &Places) -> Vec<Instruction> {
    let mut listing = vec![
        Load(Size::Half, R1, R6, places.family),
        JumpIfEqual(R1, INTERNET, "of the Internet"),
        JumpIfNotEqual(R1, INTERNET_6 as i32, "end"),
        Label("of the Internet"),
        // By calls: for each place that loads a pointer to a type, the kernel goes through all its types before it lets the
        // program run.
        Copy(R3, R6),
        AddNumber(R3, i32::from(places.namespace)),
    ];
    listing.extend(read_kernel(POINTER, 8));
    listing.extend([
        Load(Size::Double, R3, R10, POINTER),
        JumpIfEqual(R3, 0, "end"),
        AddNumber(R3, i32::from(places.namespace_number)),
    ]);
    listing.extend(read_kernel(POINTER, 4));
    listing.extend([Load(Size::Word, R1, R10, POINTER), JumpIfOtherWord(R1, places.own_namespace, "end")]);
    listing
}

/// Ends for what is not TCP (R8), and for the end of a connection (R7).
fn only_tcp() -> Vec<Instruction> {
    vec![
        JumpIfEqual(R7, 0, "end"),
        JumpIfEqual(R8, TCP as i32, "process"),
        JumpIfNotEqual(R8, MULTIPATH_TCP, "end"),
        Set(R8, TCP as i32),
    ]
}

/// Puts the process and the protocol (R8) into the key, and the port 0.
fn key_of_process() -> Vec<Instruction> {
    vec![
        Call(Helper::CurrentProcess),
        ShiftRight(R0, 32),
        Store(Size::Word, R10, KEY + 8, R0),
        Store(Size::Half, R10, KEY + 12, R8),
        StoreNumber(Size::Half, R10, KEY + 14, 0),
    ]
}

/// Puts the socket (R6), the process, the protocol (R8) and the port into the key.
fn key_of_socket(places: &Places) -> Vec<Instruction> {
    let mut listing = key_of_process();
    listing.extend([
        Store(Size::Double, R10, KEY, R6),
        Load(Size::Half, R1, R6, places.port),
        Store(Size::Half, R10, KEY + 14, R1),
    ]);
    listing
}

/// R0 = the row under the key, or 0.
fn find(map: &Map) -> Vec<Instruction> {
    vec![SetMap(R1, map.descriptor()), Copy(R2, R10), AddNumber(R2, i32::from(KEY)), Call(Helper::MapLookUp)]
}

/// Makes the row under the key, unless another CPU just did, or there is no room.
fn make(map: &Map) -> Vec<Instruction> {
    vec![
        SetMap(R1, map.descriptor()),
        Copy(R2, R10),
        AddNumber(R2, i32::from(KEY)),
        Copy(R3, R10),
        AddNumber(R3, i32::from(ROW)),
        Set(R4, ONLY_NEW),
        Call(Helper::MapUpdate),
    ]
}

/// Writes a new row of the process that runs: its user, control group and name.
fn describe_process(places: &Places) -> Vec<Instruction> {
    let mut listing: Vec<Instruction> =
        (0..ROW_BYTES as i16 / 8).map(|part| StoreNumber(Size::Double, R10, ROW + part * 8, 0)).collect();
    listing.extend([
        Call(Helper::CurrentUser),
        Store(Size::Word, R10, ROW + row::USER, R0),
        Call(Helper::CurrentControlGroup),
        Store(Size::Double, R10, ROW + row::CONTROL_GROUP, R0),
        // The name is that of the process, not of the thread that made the call.
        Call(Helper::CurrentTask),
        Copy(R3, R0),
        AddNumber(R3, i32::from(places.leader)),
    ]);
    listing.extend(read_kernel(POINTER, 8));
    listing.extend([Load(Size::Double, R3, R10, POINTER), AddNumber(R3, i32::from(places.name))]);
    listing.extend(read_kernel(ROW + row::NAME, 16));
    listing
}

/// Copies bytes from where R3 points to a place on the stack.
fn read_kernel(to: i16, bytes: i32) -> Vec<Instruction> {
    vec![Copy(R1, R10), AddNumber(R1, i32::from(to)), Set(R2, bytes), Call(Helper::ReadKernel)]
}

/// Adds to a new row where the socket (R6) waits: address and port.
fn describe_socket(places: &Places) -> Vec<Instruction> {
    let mut listing = vec![
        Load(Size::Half, R1, R6, places.port),
        Store(Size::Word, R10, ROW + row::PORT, R1),
        Load(Size::Half, R1, R6, places.family),
        Store(Size::Word, R10, ROW + row::FAMILY, R1),
        JumpIfEqual(R1, INTERNET_6 as i32, "address of IPv6"),
        Load(Size::Word, R1, R6, places.address),
        Store(Size::Word, R10, ROW + row::ADDRESS, R1),
        Jump("described"),
        Label("address of IPv6"),
        Copy(R3, R6),
        AddNumber(R3, i32::from(places.address_6)),
    ];
    listing.extend(read_kernel(ROW + row::ADDRESS, 16));
    listing.push(Label("described"));
    listing
}

/// Adds the bytes (R7) to the row of the process and protocol (R8), or to that of all others; and ends the program.
fn add_to_process(places: &Places, maps: &Maps, counts: i16) -> Vec<Instruction> {
    let mut listing = vec![Label("process"), StoreNumber(Size::Double, R10, KEY, 0)];
    listing.extend(key_of_process());
    let all_others = vec![
        StoreNumber(Size::Word, R10, KEY, 0),
        JumpIfEqual(R8, UDP as i32, "all others"),
        StoreNumber(Size::Word, R10, KEY, 1),
        Label("all others"),
    ];
    listing.extend(add_to(&maps.processes, places, maps, counts, all_others));
    listing
}

/// Adds R7 to the row under the key, which is made where there is none and room for it, or else to that of the rest, whose number
/// `of_rest` puts into the key; and ends the program.
fn add_to(map: &Map, places: &Places, maps: &Maps, counts: i16, of_rest: Vec<Instruction>) -> Vec<Instruction> {
    let mut listing = find(map);
    listing.push(JumpIfNotEqual(R0, 0, "add"));
    listing.extend(describe_process(places));
    listing.extend(make(map));
    listing.extend(find(map));
    listing.push(JumpIfNotEqual(R0, 0, "add"));
    listing.extend(of_rest);
    listing.extend(find(&maps.rest));
    listing.extend([
        JumpIfEqual(R0, 0, "end"),
        Label("add"),
        AddAtomically(R0, counts, R7),
        Set(R1, 1),
        AddAtomically(R0, counts + 8, R1),
        Label("end"),
        Set(R0, 0),
        Exit,
    ]);
    listing
}
