//! The program in the kernel that counts drops by place, at the tracepoint `skb:kfree_skb`.
//!
//! It knows the type of its first argument, `struct sk_buff`, so that it reads the fields of the packet and its device without a
//! call. It copies the beginning of the IP header with one call, finds the row of the place and adds to it. Where there are
//! as many places as there is room for, it adds to the sums by reason of all others.

use std::io;

use crate::sys::bpf::btf::KernelTypes;
use crate::sys::bpf::kernel::Map;
use crate::sys::bpf::listing::Instruction::{self, *};
use crate::sys::bpf::listing::Register::*;
use crate::sys::bpf::listing::{Helper, Size, assemble};

/// A key: a place.
pub(super) const KEY_BYTES: u32 = 40;
/// Where the parts of a key stand, from its beginning.
pub(super) mod key {
    /// The reason, four bytes.
    pub const REASON: usize = 0;
    /// The number of the interface, four bytes; 0 where it is not known.
    pub const INTERFACE: usize = 4;
    /// The number of the network namespace, four bytes; 0 where it is not known.
    pub const NAMESPACE: usize = 8;
    /// The local port as on the wire, or the ether type of what is not IP.
    pub const PORT: usize = 12;
    /// The protocol above IP.
    pub const PROTOCOL: usize = 14;
    /// The version of IP, 0 for what is not IP, and one of the directions.
    pub const KIND: usize = 15;
    /// The local address.
    pub const ADDRESS: usize = 16;
    /// Where in the kernel it was dropped, where that is all that is known.
    pub const LOCATION: usize = 32;
}
/// What is added to the version of IP.
pub(super) const OUT: u8 = 16;
pub(super) const SENT_ON: u8 = 32;
/// A row: bytes and packets.
pub(super) const ROW_BYTES: u32 = 16;
/// Bytes before the sums by reason in a row of the rest: whether there is no more room for places.
pub(super) const REST_BEGINS: u32 = 16;

/// Bytes of the packet that are copied: the header of IPv6 and two ports. Those of IPv4 stand before where it has no options.
const HEADER_BYTES: i16 = 44;
/// Where things stand on the stack of the program.
const KEY: i16 = -(KEY_BYTES as i16);
const HEADER: i16 = KEY - 48;
const ROW: i16 = HEADER - ROW_BYTES as i16;
const POINTER: i16 = ROW - 8;
const NUMBER: i16 = POINTER - 8;

const fn part(at: usize) -> i16 {
    KEY + at as i16
}

/// `BPF_NOEXIST`.
const ONLY_NEW: i32 = 1;
/// `-E2BIG`: there is no more room.
const NO_ROOM: u32 = (-7i32).cast_unsigned();
const INTERNET: u16 = 0x0800;
const INTERNET_6: u16 = 0x86dd;
const TCP: i32 = 6;
const UDP: i32 = 17;
const SCTP: i32 = 132;

/// What the program needs to know of this kernel, in bytes and in places of arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The number of the network namespace that casebook runs in.
    pub(super) own_namespace: u32,
    /// The place of the reason among the arguments.
    pub(super) reason: i16,
    /// The reason that says nothing.
    pub(super) not_specified: u32,
    /// How many reasons there are.
    pub(super) reasons: u32,
    receiver: Option<i16>,
    device: i16,
    arrived_by: i16,
    socket: i16,
    route: i16,
    length: i16,
    protocol: i16,
    network_header: i16,
    head: i16,
    data: i16,
    tail: i16,
    device_number: i16,
    device_namespace: i16,
    socket_namespace: i16,
    route_device: i16,
    namespace_number: i16,
}

impl Fields {
    /// Finds them; none where a field is missing or has another size than it is read with. `arguments`: those of the tracepoint.
    pub(super) fn find(
        types: &KernelTypes,
        arguments: &[String],
        own_namespace: u32,
        reason: i16,
        not_specified: u32,
        reasons: u32,
    ) -> Option<Self> {
        let (sk_buff, net_device) = (types.structure("sk_buff")?, types.structure("net_device")?);
        let packet = |name, bytes| sk_buff.offset(&[name], bytes);
        if arguments.first().map(String::as_str) != Some("sk_buff") {
            return None;
        }
        let receiver = arguments.iter().position(|argument| argument == "sock").and_then(|at| i16::try_from(at).ok());
        Some(Fields {
            own_namespace,
            reason,
            not_specified,
            reasons,
            receiver,
            device: packet("dev", 8)?,
            arrived_by: packet("skb_iif", 4)?,
            socket: packet("sk", 8)?,
            route: packet("_skb_refdst", 8)?,
            length: packet("len", 4)?,
            protocol: packet("protocol", 2)?,
            network_header: packet("network_header", 2)?,
            head: packet("head", 8)?,
            data: packet("data", 8)?,
            tail: packet("tail", 4)?,
            device_number: net_device.offset(&["ifindex"], 4)?,
            device_namespace: net_device.offset(&["nd_net", "net"], 8)?,
            socket_namespace: types.structure("sock")?.offset(&["__sk_common", "skc_net", "net"], 8)?,
            route_device: types.structure("dst_entry")?.offset(&["dev"], 8)?,
            namespace_number: types.structure("net")?.offset(&["ns", "inum"], 4)?,
        })
    }

    /// Bytes of a row of the rest.
    pub(super) fn rest_bytes(&self) -> u32 {
        REST_BEGINS + self.reasons * ROW_BYTES
    }
}

/// The maps that the program writes into.
#[derive(Debug)]
pub(super) struct Maps {
    pub(super) places: Map,
    /// The sums by reason of what has no row of its own: one row for the own network namespace, one for all others.
    pub(super) rest: Map,
}

/// The program. R6 = the packet, R7 = its bytes.
pub(super) fn counting(fields: &Fields, maps: &Maps) -> io::Result<Vec<u64>> {
    let mut listing = vec![
        Copy(R9, R1),
        Load(Size::Double, R6, R9, 0),
        Load(Size::Word, R7, R6, fields.length),
        StoreNumber(Size::Double, R10, part(key::NAMESPACE), 0), // and the port, the protocol and the kind
        StoreNumber(Size::Double, R10, part(key::ADDRESS), 0),
        StoreNumber(Size::Double, R10, part(key::ADDRESS) + 8, 0),
        StoreNumber(Size::Double, R10, part(key::LOCATION), 0),
        Load(Size::Double, R2, R9, fields.reason * 8),
        Store(Size::Word, R10, part(key::REASON), R2),
        JumpIfOtherWord(R2, fields.not_specified, "reason"),
        Load(Size::Double, R2, R9, 8),
        Store(Size::Double, R10, part(key::LOCATION), R2),
        Label("reason"),
    ];
    listing.extend(interface_and_namespace(fields));
    listing.extend(direction(fields));
    listing.extend(header(fields));
    listing.extend(internet());
    listing.extend(internet_6());
    listing.extend(add(fields, maps));
    assemble(&listing).map_err(io::Error::other)
}

/// Puts into the key by which interface and in which namespace. R9 = the arguments.
fn interface_and_namespace(fields: &Fields) -> Vec<Instruction> {
    let mut listing = vec![
        // Where a queue uses the place of the device for other things, that is no address of the kernel.
        Load(Size::Double, R1, R6, fields.device),
        JumpIfEqual(R1, 0, "no device"),
        JumpIfNegative(R1, "device"),
        Label("no device"),
        Load(Size::Word, R8, R6, fields.arrived_by),
        Store(Size::Word, R10, part(key::INTERFACE), R8),
        // By calls from here on: for each place that loads a pointer to a type, the kernel goes through all its types before it
        // lets the program run, and few drops come here.
        Copy(R3, R6),
        AddNumber(R3, i32::from(fields.socket)),
    ];
    listing.extend(read_kernel(POINTER, 8));
    listing.extend([
        Load(Size::Double, R3, R10, POINTER),
        JumpIfEqual(R3, 0, "no socket"),
        JumpIfNegative(R3, "socket"),
        Label("no socket"),
    ]);
    // The socket that was to receive it, and the way it was to go.
    if let Some(receiver) = fields.receiver {
        listing.extend([Load(Size::Double, R3, R9, receiver * 8), JumpIfNotEqual(R3, 0, "socket")]);
    }
    listing.extend([
        Load(Size::Double, R3, R6, fields.route),
        And(R3, -2), // the lowest bit says whether it is counted
        JumpIfEqual(R3, 0, "placed"),
        AddNumber(R3, i32::from(fields.route_device)),
    ]);
    listing.extend(read_kernel(POINTER, 8));
    listing.extend([
        Load(Size::Double, R3, R10, POINTER),
        AddNumber(R3, i32::from(fields.device_namespace)),
        Jump("read namespace"),
        Label("socket"),
        AddNumber(R3, i32::from(fields.socket_namespace)),
        Label("read namespace"),
    ]);
    listing.extend(read_kernel(POINTER, 8));
    listing.extend([Load(Size::Double, R3, R10, POINTER), AddNumber(R3, i32::from(fields.namespace_number))]);
    listing.extend(read_kernel(part(key::NAMESPACE), 4));
    listing.extend([
        Jump("placed"),
        Label("device"),
        Load(Size::Word, R8, R1, fields.device_number),
        Store(Size::Word, R10, part(key::INTERFACE), R8),
        Load(Size::Double, R1, R1, fields.device_namespace),
        JumpIfEqual(R1, 0, "placed"),
        Load(Size::Word, R1, R1, fields.namespace_number),
        Store(Size::Word, R10, part(key::NAMESPACE), R1),
        Label("placed"),
    ]);
    listing
}

/// R9 = the direction, as it is put into the key. R8 = the number of the interface.
fn direction(fields: &Fields) -> Vec<Instruction> {
    let mut listing = vec![
        Set(R9, 0),
        Load(Size::Word, R1, R6, fields.arrived_by),
        JumpIfEqual(R1, 0, "did not arrive"),
        JumpIfSame(R1, R8, "directed"),
        Set(R9, SENT_ON as i32),
        Jump("directed"),
        Label("did not arrive"),
        // What has not arrived yet belongs to no socket and has no way.
        Load(Size::Double, R1, R6, fields.route),
        JumpIfNotEqual(R1, 0, "own"),
        Copy(R3, R6),
        AddNumber(R3, i32::from(fields.socket)),
    ];
    listing.extend(read_kernel(POINTER, 8));
    listing.extend([
        Load(Size::Double, R1, R10, POINTER),
        JumpIfEqual(R1, 0, "directed"),
        Label("own"),
        Set(R9, OUT as i32),
        Label("directed"),
    ]);
    listing
}

/// Copies the beginning of the IP header. Then R8 = where it stands, and the number of bytes that are there lies on the stack.
fn header(fields: &Fields) -> Vec<Instruction> {
    let mut listing = vec![
        Store(Size::Byte, R10, part(key::KIND), R9),
        Load(Size::Half, R4, R6, fields.protocol),
        JumpIfEqual(R4, i32::from(INTERNET.to_be()), "is internet"),
        JumpIfEqual(R4, i32::from(INTERNET_6.to_be()), "is internet"),
        Label("no internet"),
        Load(Size::Half, R4, R6, fields.protocol),
        Store(Size::Half, R10, part(key::PORT), R4),
        Jump("add"),
        Label("is internet"),
        Load(Size::Double, R8, R6, fields.head),
        Load(Size::Half, R2, R6, fields.network_header),
        JumpIfNotEqual(R2, 0, "known"),
        // Nobody has looked for it yet: it is what the link header was taken from.
        Load(Size::Double, R2, R6, fields.data),
        Subtract(R2, R8),
        Label("known"),
        Add(R8, R2),
        Load(Size::Word, R1, R6, fields.tail),
        JumpIfMore(R2, R1, "no internet"),
        Subtract(R1, R2),
        Store(Size::Double, R10, NUMBER, R1),
        JumpIfAbove(R1, 19, "long enough"),
        Jump("no internet"),
        Label("long enough"),
        Copy(R3, R8),
    ];
    listing.extend(read_kernel(HEADER, i32::from(HEADER_BYTES)));
    listing.extend([
        Load(Size::Byte, R1, R10, HEADER),
        Copy(R2, R1),
        ShiftRight(R2, 4),
        JumpIfEqual(R2, 6, "internet 6"),
        JumpIfNotEqual(R2, 4, "no internet"),
    ]);
    listing
}

/// Puts the local endpoint of a packet of IPv4 into the key. R1 = the first byte of its header, R9 = the direction.
fn internet() -> Vec<Instruction> {
    let mut listing = vec![
        Add(R9, R2),
        Store(Size::Byte, R10, part(key::KIND), R9),
        And(R1, 15),
        ShiftLeft(R1, 2),
        Load(Size::Half, R2, R10, HEADER + 2),
        FromNetwork16(R2),
        JumpIfEqual(R2, 0, "length"), // longer than can be said
        Copy(R7, R2),
        Label("length"),
        Load(Size::Byte, R2, R10, HEADER + 9),
        Store(Size::Byte, R10, part(key::PROTOCOL), R2),
        Load(Size::Word, R3, R10, HEADER + 16),
        JumpIfNotEqual(R9, i32::from(OUT) + 4, "address"),
        Load(Size::Word, R3, R10, HEADER + 12),
        Label("address"),
        Store(Size::Word, R10, part(key::ADDRESS), R3),
        // Fragments but the first bear no ports.
        Load(Size::Half, R3, R10, HEADER + 6),
        JumpIfAny(R3, i32::from(0x1fff_u16.to_be()), "add"),
    ];
    listing.extend(has_ports("ports"));
    listing.extend([
        Load(Size::Double, R3, R10, NUMBER),
        AddNumber(R3, -4),
        JumpIfNegative(R3, "add"),
        JumpIfMore(R1, R3, "add"),
        JumpIfEqual(R1, 20, "read"),
        // There are options before them.
        Copy(R3, R8),
        Add(R3, R1),
    ]);
    listing.extend(read_kernel(HEADER + 20, 4));
    listing.extend([
        Label("read"),
        Load(Size::Half, R1, R10, HEADER + 22),
        JumpIfNotEqual(R9, i32::from(OUT) + 4, "port"),
        Load(Size::Half, R1, R10, HEADER + 20),
        Label("port"),
        Store(Size::Half, R10, part(key::PORT), R1),
        Jump("add"),
    ]);
    listing
}

/// Puts the local endpoint of a packet of IPv6 into the key. R2 = 6, R9 = the direction.
fn internet_6() -> Vec<Instruction> {
    let mut listing = vec![
        Label("internet 6"),
        Load(Size::Double, R3, R10, NUMBER),
        JumpIfAbove(R3, 39, "long enough for 6"),
        Jump("no internet"),
        Label("long enough for 6"),
        Add(R9, R2),
        Store(Size::Byte, R10, part(key::KIND), R9),
        Load(Size::Half, R2, R10, HEADER + 4),
        FromNetwork16(R2),
        JumpIfEqual(R2, 0, "length of 6"),
        Copy(R7, R2),
        AddNumber(R7, 40),
        Label("length of 6"),
        Load(Size::Byte, R2, R10, HEADER + 6),
        Store(Size::Byte, R10, part(key::PROTOCOL), R2),
        Load(Size::Double, R4, R10, HEADER + 24),
        Load(Size::Double, R5, R10, HEADER + 32),
        JumpIfNotEqual(R9, i32::from(OUT) + 6, "address of 6"),
        Load(Size::Double, R4, R10, HEADER + 8),
        Load(Size::Double, R5, R10, HEADER + 16),
        Label("address of 6"),
        Store(Size::Double, R10, part(key::ADDRESS), R4),
        Store(Size::Double, R10, part(key::ADDRESS) + 8, R5),
    ];
    listing.extend(has_ports("ports of 6"));
    listing.extend([
        JumpIfAbove(R3, 43, "ports are there"),
        Jump("add"),
        Label("ports are there"),
        Load(Size::Half, R1, R10, HEADER + 42),
        JumpIfNotEqual(R9, i32::from(OUT) + 6, "port of 6"),
        Load(Size::Half, R1, R10, HEADER + 40),
        Label("port of 6"),
        Store(Size::Half, R10, part(key::PORT), R1),
    ]);
    listing
}

/// Goes on at "add" where the protocol (R2) has no ports.
fn has_ports(label: &'static str) -> Vec<Instruction> {
    vec![JumpIfEqual(R2, UDP, label), JumpIfEqual(R2, TCP, label), JumpIfNotEqual(R2, SCTP, "add"), Label(label)]
}

/// Adds to the row of the place, which is made if there is room, or to that of all others; and ends the program.
fn add(fields: &Fields, maps: &Maps) -> Vec<Instruction> {
    let mut listing = vec![Label("add")];
    listing.extend(find(&maps.places));
    listing.extend([
        JumpIfNotEqual(R0, 0, "count"),
        StoreNumber(Size::Word, R10, NUMBER, 0),
        Load(Size::Word, R1, R10, part(key::NAMESPACE)),
        JumpIfSameWord(R1, fields.own_namespace, "own rest"),
        StoreNumber(Size::Word, R10, NUMBER, 1),
        Label("own rest"),
        SetMap(R1, maps.rest.descriptor()),
        Copy(R2, R10),
        AddNumber(R2, i32::from(NUMBER)),
        Call(Helper::MapLookUp),
        JumpIfEqual(R0, 0, "end"),
        Copy(R8, R0),
        Load(Size::Double, R1, R8, 0),
        JumpIfNotEqual(R1, 0, "rest"),
        StoreNumber(Size::Double, R10, ROW, 0),
        StoreNumber(Size::Double, R10, ROW + 8, 0),
        SetMap(R1, maps.places.descriptor()),
        Copy(R2, R10),
        AddNumber(R2, i32::from(KEY)),
        Copy(R3, R10),
        AddNumber(R3, i32::from(ROW)),
        Set(R4, ONLY_NEW),
        Call(Helper::MapUpdate),
        Copy(R9, R0),
    ]);
    listing.extend(find(&maps.places));
    listing.extend([
        JumpIfNotEqual(R0, 0, "count"),
        JumpIfOtherWord(R9, NO_ROOM, "rest"),
        StoreNumber(Size::Double, R8, 0, 1),
        Label("rest"),
        Load(Size::Word, R1, R10, part(key::REASON)),
        JumpIfAbove(R1, fields.reasons as i32 - 1, "reason of others"),
        Jump("sum"),
        Label("reason of others"),
        Set(R1, 0),
        Label("sum"),
        ShiftLeft(R1, ROW_BYTES.ilog2() as i32),
        Copy(R0, R8),
        Add(R0, R1),
        AddNumber(R0, REST_BEGINS as i32),
        Label("count"),
        AddAtomically(R0, 0, R7),
        Set(R1, 1),
        AddAtomically(R0, 8, R1),
        Label("end"),
        Set(R0, 0),
        Exit,
    ]);
    listing
}

/// R0 = the row under the key, or 0.
fn find(map: &Map) -> Vec<Instruction> {
    vec![SetMap(R1, map.descriptor()), Copy(R2, R10), AddNumber(R2, i32::from(KEY)), Call(Helper::MapLookUp)]
}

/// Copies bytes from where R3 points to a place on the stack.
fn read_kernel(to: i16, bytes: i32) -> Vec<Instruction> {
    vec![Copy(R1, R10), AddNumber(R1, i32::from(to)), Set(R2, bytes), Call(Helper::ReadKernel)]
}
