//! The program in the kernel that counts drops by reason, at `skb:kfree_skb`.

use std::io;

use crate::sys::bpf::kernel::{Map, Refusal, Running};
use crate::sys::bpf::listing::Instruction::{self, *};
use crate::sys::bpf::listing::Register::*;
use crate::sys::bpf::listing::{Helper, Size, assemble};

/// How many rows of numbers there are, so that one look-up reads a row; a CPU counts in the row of its last four bits, so
/// that CPUs seldom meet.
const ROWS: u32 = 16;
/// The most values that are told apart.
const MOST_VALUES: u32 = 1024;

/// How often each reason came up, on all CPUs together. The program ends when it is dropped.
#[derive(Debug)]
pub(super) struct DropCounters {
    numbers: Map,
    values: u32,
    _running: Running,
}

impl DropCounters {
    /// Starts to count. `argument`: the place of the reason among the tracepoint's arguments; none where it gives no
    /// reason. Reasons of `values` and above are counted together under 0.
    ///
    /// Fails with `EPERM` without CAP_BPF and CAP_PERFMON.
    pub(super) fn start(argument: Option<i16>, values: u32) -> Result<Self, Refusal> {
        let values = values.clamp(1, MOST_VALUES);
        let numbers = Map::by_number(values * 8, ROWS)?;
        let text = assemble(&listing(argument, values, &numbers)).map_err(io::Error::other)?;
        let _running = Running::at_raw(c"kfree_skb", &text)?;
        Ok(DropCounters { numbers, values, _running })
    }

    /// How often each reason came up since the start; the place in the list is the reason.
    pub(super) fn counts(&self) -> io::Result<Vec<u64>> {
        let mut counts = vec![0u64; self.values as usize];
        for (_, row) in self.numbers.rows()?.iter() {
            let numbers = row.chunks_exact(8).filter_map(|number| Some(u64::from_ne_bytes(number.try_into().ok()?)));
            counts.iter_mut().zip(numbers).for_each(|(count, more)| *count = count.saturating_add(more));
        }
        Ok(counts)
    }
}

/// Adds one to the number under the reason, in the row of the CPU that the program runs on.
fn listing(argument: Option<i16>, values: u32, numbers: &Map) -> Vec<Instruction> {
    let reason = argument.map_or(Set(R6, 0), |argument| Load(Size::Double, R6, R1, argument * 8));
    vec![
        reason,
        JumpIfAbove(R6, values as i32 - 1, "not told apart"),
        Jump("count"),
        Label("not told apart"),
        Set(R6, 0),
        Label("count"),
        Call(Helper::ProcessorId),
        And(R0, ROWS as i32 - 1),
        Store(Size::Word, R10, -4, R0), // the number of the row
        Copy(R2, R10),
        AddNumber(R2, -4),
        SetMap(R1, numbers.descriptor()),
        Call(Helper::MapLookUp),
        JumpIfEqual(R0, 0, "end"),
        ShiftLeft(R6, 3), // where the number stands in the row: eight bytes each
        Add(R0, R6),
        Set(R1, 1),
        AddAtomically(R0, 0, R1),
        Label("end"),
        Set(R0, 0),
        Exit,
    ]
}
