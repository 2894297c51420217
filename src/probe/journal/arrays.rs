//! The arrays that list a journal's entries in the order in which they were written. Each is larger than the one before, so that
//! there are few, and the place of any entry is known with few reads.

use super::header::Header;
use super::object::{ENTRY_ARRAY, Object, is_place, le32, le64};
use super::pages::Pages;

/// Bytes of an array before its items: the object's beginning and the place of the next array.
const HEAD: u64 = 24;

/// Arrays that are followed. Each is twice as large as the one before, but journald has written small ones, too.
const MOST: usize = 65_536;

/// The arrays of a journal.
#[derive(Debug)]
pub(super) struct Arrays {
    parts: Vec<Part>,
    /// Bytes of an item.
    width: u64,
    /// Entries that can be reached.
    pub(super) entries: u64,
    /// Entries that the header tells of and no array lists any more.
    pub(super) lost: u64,
}

#[derive(Debug)]
struct Part {
    /// The number of its first entry.
    first: u64,
    /// Where its first item stands.
    items: u64,
}

impl Arrays {
    /// Follows the arrays. Journals grow at their end: what leads backwards is damage, and ends the list.
    pub(super) fn read(pages: &mut Pages<'_>, header: &Header) -> Self {
        let width = if header.compact { 4 } else { 8 };
        let mut arrays = Arrays { parts: Vec::new(), width, entries: 0, lost: 0 };
        let (mut offset, mut before) = (header.arrays, 0);
        while arrays.entries < header.entries && offset > before && arrays.parts.len() < MOST {
            if !is_place(offset, header.start, header.end) {
                break;
            }
            let Some(head) = pages.get(offset, HEAD as usize) else { break };
            let (Some(object), Some(next)) = (Object::parse(head), le64(head, 16)) else { break };
            if object.kind != ENTRY_ARRAY || object.size < HEAD || object.size > header.end - offset {
                break;
            }
            arrays.parts.push(Part { first: arrays.entries, items: offset + HEAD });
            let items = (object.size - HEAD) / width;
            arrays.entries = arrays.entries.saturating_add(items).min(header.entries);
            (before, offset) = (offset, next);
        }
        arrays.lost = header.entries - arrays.entries;
        arrays
    }

    /// Where an entry lies; none where the file is cut or damaged there.
    pub(super) fn offset(&self, pages: &mut Pages<'_>, entry: u64) -> Option<u64> {
        let part = self.parts.partition_point(|part| part.first <= entry).checked_sub(1)?;
        let part = self.parts.get(part)?;
        let place = part.items.checked_add((entry - part.first).checked_mul(self.width)?)?;
        let item = pages.get(place, self.width as usize)?;
        if self.width == 4 { le32(item, 0).map(u64::from) } else { le64(item, 0) }.filter(|offset| *offset > 0)
    }
}
