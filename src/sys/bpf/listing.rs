//! Listings of BPF programs: named instructions, and labels to jump to.

use std::collections::HashMap;
use std::os::fd::RawFd;

/// A register. `R1` holds the arguments of the program when it begins, `R0` what a call returned; calls keep `R6`
/// to `R9`, and `R10` is the end of the stack, which is 512 bytes below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "a register has a number")]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// How many bytes are loaded or stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One byte.
    Byte,
    /// Two bytes.
    Half,
    /// Four bytes.
    Word,
    /// Eight bytes.
    Double,
}

impl Size {
    /// The size of so many bytes.
    pub fn of_bytes(bytes: u32) -> Option<Self> {
        match bytes {
            1 => Some(Size::Byte),
            2 => Some(Size::Half),
            4 => Some(Size::Word),
            8 => Some(Size::Double),
            _ => None,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Size::Word => 0x00,
            Size::Half => 0x08,
            Size::Byte => 0x10,
            Size::Double => 0x18,
        }
    }
}

/// A function of the kernel that programs may call: its arguments are in `R1` to `R5`, its answer is in `R0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helper {
    /// `bpf_map_lookup_elem(map, key)`: where the value stands, or 0.
    MapLookUp = 1,
    /// `bpf_map_update_elem(map, key, value, flags)`.
    MapUpdate = 2,
    /// `bpf_get_smp_processor_id()`.
    ProcessorId = 8,
    /// `bpf_get_current_pid_tgid()`: the process in the upper half, the thread in the lower.
    CurrentProcess = 14,
    /// `bpf_get_current_uid_gid()`: the user in the lower half.
    CurrentUser = 15,
    /// `bpf_get_current_task()`: where `struct task_struct` stands.
    CurrentTask = 35,
    /// `bpf_get_current_cgroup_id()`.
    CurrentControlGroup = 80,
    /// `bpf_probe_read_kernel(to, bytes, from)`: 0, or an error with `to` all zero.
    ReadKernel = 113,
    /// `bpf_seq_write(file, bytes, length)`: hands bytes to who reads what an iterator writes.
    SequenceWrite = 127,
}

/// One line of a listing. Where two registers are named the first is the one that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// A place to jump to.
    Label(&'static str),
    /// Register = what stands so many bytes behind where the second register points.
    Load(Size, Register, Register, i16),
    /// What stands so many bytes behind where the first register points = the second register.
    Store(Size, Register, i16, Register),
    /// The same with a number.
    StoreNumber(Size, Register, i16, i32),
    /// Adds the second register to the eight bytes there, whoever else adds to them at the same time.
    AddAtomically(Register, i16, Register),
    /// The first register = the second.
    Copy(Register, Register),
    /// Register = a number.
    Set(Register, i32),
    /// Register = a map.
    SetMap(Register, RawFd),
    /// The first register += the second.
    Add(Register, Register),
    /// The first register -= the second.
    Subtract(Register, Register),
    /// Register += a number.
    AddNumber(Register, i32),
    /// Register &= a number.
    And(Register, i32),
    /// Register <<= a number of bits.
    ShiftLeft(Register, i32),
    /// Register >>= a number of bits, with zeros.
    ShiftRight(Register, i32),
    /// Register = its two lowest bytes, which came from the wire, as a number.
    FromNetwork16(Register),
    /// Goes on at the label.
    Jump(&'static str),
    /// Goes on at the label if the register is the number.
    JumpIfEqual(Register, i32, &'static str),
    /// … if it is not.
    JumpIfNotEqual(Register, i32, &'static str),
    /// … if its lower four bytes are not the number.
    JumpIfOtherWord(Register, u32, &'static str),
    /// … if it is larger, without a sign.
    JumpIfAbove(Register, i32, &'static str),
    /// … if it is negative: of a pointer, if it points into the kernel.
    JumpIfNegative(Register, &'static str),
    /// … if the first register is larger than the second, without a sign.
    JumpIfMore(Register, Register, &'static str),
    /// … if it has one of the bits.
    JumpIfAny(Register, i32, &'static str),
    /// … if its lower four bytes are the number.
    JumpIfSameWord(Register, u32, &'static str),
    /// … if the two registers are the same.
    JumpIfSame(Register, Register, &'static str),
    /// … if the two registers are not the same.
    JumpIfUnlike(Register, Register, &'static str),
    /// Calls a function of the kernel.
    Call(Helper),
    /// Ends the program; `R0` is its answer.
    Exit,
}

/// The kernel's words for a listing; a word more for each map.
///
/// # Errors
/// A label that is missing, doubled or too far away: a fault of the listing, said with the label.
pub fn assemble(listing: &[Instruction]) -> Result<Vec<u64>, String> {
    let mut labels = HashMap::new();
    let mut at = 0usize;
    for instruction in listing {
        match instruction {
            Instruction::Label(name) => {
                if labels.insert(*name, at).is_some() {
                    return Err(format!("the label `{name}` stands twice"));
                }
            }
            Instruction::SetMap(..) => at += 2,
            _ => at += 1,
        }
    }
    let mut words = Vec::with_capacity(at);
    for instruction in listing {
        let next = words.len() + 1;
        let distance = |label: &'static str| {
            let to = labels.get(label).ok_or_else(|| format!("there is no label `{label}`"))?;
            let distance = i64::try_from(*to).unwrap_or(i64::MAX) - i64::try_from(next).unwrap_or(0);
            i16::try_from(distance).map_err(|_| format!("the label `{label}` is too far away"))
        };
        instruction.put(&mut words, distance)?;
    }
    Ok(words)
}

impl Instruction {
    fn put(self, words: &mut Vec<u64>, distance: impl Fn(&'static str) -> Result<i16, String>) -> Result<(), String> {
        use Instruction as I;
        // Registers that an instruction does not use are 0.
        const NONE: Register = Register::R0;
        let next = match self {
            I::Label(_) => return Ok(()),
            I::Load(size, to, from, offset) => word(0x61 | size.code(), to, from, offset, 0),
            I::Store(size, to, offset, from) => word(0x63 | size.code(), to, from, offset, 0),
            I::StoreNumber(size, to, offset, number) => word(0x62 | size.code(), to, NONE, offset, number),
            I::AddAtomically(to, offset, from) => word(0xdb, to, from, offset, 0),
            I::Copy(to, from) => word(0xbf, to, from, 0, 0),
            I::Set(to, number) => word(0xb7, to, NONE, 0, number),
            I::SetMap(to, map) => {
                // BPF_PSEUDO_MAP_FD: the number is a descriptor; the upper half of it has a word of its own.
                words.push(word(0x18, to, Register::R1, 0, map));
                0
            }
            I::Add(to, from) => word(0x0f, to, from, 0, 0),
            I::Subtract(to, from) => word(0x1f, to, from, 0, 0),
            I::AddNumber(to, number) => word(0x07, to, NONE, 0, number),
            I::And(to, number) => word(0x57, to, NONE, 0, number),
            I::ShiftLeft(to, bits) => word(0x67, to, NONE, 0, bits),
            I::ShiftRight(to, bits) => word(0x77, to, NONE, 0, bits),
            I::FromNetwork16(to) => word(0xdc, to, NONE, 0, 16),
            I::Jump(label) => word(0x05, NONE, NONE, distance(label)?, 0),
            I::JumpIfEqual(one, number, label) => word(0x15, one, NONE, distance(label)?, number),
            I::JumpIfNotEqual(one, number, label) => word(0x55, one, NONE, distance(label)?, number),
            I::JumpIfOtherWord(one, number, label) => word(0x56, one, NONE, distance(label)?, number.cast_signed()),
            I::JumpIfAbove(one, number, label) => word(0x25, one, NONE, distance(label)?, number),
            I::JumpIfNegative(one, label) => word(0xc5, one, NONE, distance(label)?, 0),
            I::JumpIfMore(one, other, label) => word(0x2d, one, other, distance(label)?, 0),
            I::JumpIfAny(one, bits, label) => word(0x45, one, NONE, distance(label)?, bits),
            I::JumpIfSameWord(one, number, label) => word(0x16, one, NONE, distance(label)?, number.cast_signed()),
            I::JumpIfSame(one, other, label) => word(0x1d, one, other, distance(label)?, 0),
            I::JumpIfUnlike(one, other, label) => word(0x5d, one, other, distance(label)?, 0),
            I::Call(helper) => word(0x85, NONE, NONE, 0, helper as i32),
            I::Exit => word(0x95, NONE, NONE, 0, 0),
        };
        words.push(next);
        Ok(())
    }
}

/// One word: operation, target and source registers, offset, and number.
fn word(operation: u8, target: Register, source: Register, offset: i16, number: i32) -> u64 {
    let [low, high] = offset.to_ne_bytes();
    let [c0, c1, c2, c3] = number.to_ne_bytes();
    let (target, source) = (target as u8, source as u8);
    let registers = if cfg!(target_endian = "big") { target << 4 | source } else { source << 4 | target };
    u64::from_ne_bytes([operation, registers, low, high, c0, c1, c2, c3])
}

#[cfg(test)]
mod tests {
    use super::Instruction::*;
    use super::Register::*;
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn an_instruction_is_eight_bytes_with_the_target_in_the_low_half() {
        let words = assemble(&[Load(Size::Word, R6, R1, 36), StoreNumber(Size::Double, R10, -8, 7)]).unwrap();
        assert_eq!(words[0].to_le_bytes(), [0x61, 0x16, 36, 0, 0, 0, 0, 0]);
        assert_eq!(words[1].to_le_bytes(), [0x7a, 0x0a, 0xf8, 0xff, 7, 0, 0, 0]);
    }

    #[test]
    fn a_jump_counts_from_the_next_instruction_and_a_map_is_two_words() {
        let words = assemble(&[JumpIfEqual(R0, 0, "end"), SetMap(R1, 5), Label("end"), Exit]).unwrap();
        assert_eq!((words.len(), words[2]), (4, 0));
        assert_eq!(words[0].to_ne_bytes()[2..4], 2i16.to_ne_bytes());
        let back = assemble(&[Label("again"), Set(R0, 1), Jump("again")]).unwrap();
        assert_eq!(back[1].to_ne_bytes()[2..4], (-2i16).to_ne_bytes());
    }

    #[test]
    fn a_label_that_is_missing_doubled_or_too_far_is_named() {
        assert!(assemble(&[Jump("nowhere")]).unwrap_err().contains("`nowhere`"));
        assert!(assemble(&[Label("here"), Label("here")]).unwrap_err().contains("twice"));
        let mut long = vec![Jump("end")];
        long.extend(std::iter::repeat_n(Set(R0, 0), 40_000));
        long.push(Label("end"));
        assert!(assemble(&long).unwrap_err().contains("too far"));
    }
}
