//! Lookups in sets and maps: their text, and what they select.

use super::nft_field::Field;
use super::nft_rule::{Reader, slot};
use super::nft_set::{Item, Set};
use super::nft_verdict::is_anonymous;
use super::rule::Condition;
use crate::printable::printable;
use crate::sys::nftables::Attributes;

/// Of a set without a name, the elements that a rule's text shows.
const MOST_ELEMENTS: usize = 16;
/// Of a set, the elements that the rule's matches take over.
const MOST_MATCHED: usize = 1024;

impl Reader<'_> {
    /// Reads a lookup.
    pub fn lookup(&mut self, data: Attributes<'_>) {
        let name = data.string(1).unwrap_or_default();
        let differs = data.number(5).unwrap_or_default() & 1 != 0;
        let set = (self.surroundings.set)(name);
        let key_length =
            set.as_ref().and_then(|set| Some(set.items.iter().find(|item| !item.first.is_empty())?.first.len()));
        let fields = self.fields(data.number(2), key_length.unwrap_or_default());
        let label = fields.iter().map(|field| field.label.as_str()).collect::<Vec<_>>().join(" . ");
        let contents = match &set {
            Some(set) if is_anonymous(name) => self.contents(set, &fields),
            _ if is_anonymous(name) => "{…}".to_owned(),
            _ => format!("@{}", printable(name)),
        };
        match data.number(3) {
            Some(0) => return self.require(format!("{label} vmap {contents}"), Condition::Other),
            register @ Some(_) => {
                self.load(register, Field::opaque(format!("{label} map {contents}")));
                return self.matches.require(Condition::Other);
            }
            None => {}
        }
        let not = if differs { "!= " } else { "" };
        let condition = match (set, fields.as_slice()) {
            _ if differs => Condition::Inverted,
            (Some(set), [field]) if !set.more && set.items.len() <= MOST_MATCHED => {
                let items: Vec<(&[u8], &[u8])> =
                    set.items.iter().map(|item| (item.first.as_slice(), item.last.as_slice())).collect();
                field.condition(&items, self.surroundings.interface)
            }
            _ => Condition::Other,
        };
        self.require(format!("{label} {not}{contents}"), condition);
    }

    /// The fields that lie one after another in registers, for a key of that length.
    fn fields(&self, register: Option<u32>, key_length: usize) -> Vec<Field> {
        let mut fields = vec![self.register(register)];
        let (mut at, mut length) = (register.map_or(0, slot), 0);
        loop {
            let last = fields.last().map_or(4, |field| field.length.max(1)).div_ceil(4);
            length += 4 * last;
            at = at.saturating_add(u32::try_from(last).unwrap_or(u32::MAX));
            match self.registers.get(&at) {
                Some(field) if length < key_length => fields.push(field.clone()),
                _ => return fields,
            }
        }
    }

    /// The elements of a set as a rule's text has them.
    fn contents(&self, set: &Set, fields: &[Field]) -> String {
        let mut shown: Vec<String> =
            set.items.iter().take(MOST_ELEMENTS).map(|item| self.element(item, fields)).collect();
        if set.more || set.items.len() > MOST_ELEMENTS {
            shown.push("…".to_owned());
        }
        format!("{{ {} }}", shown.join(", "))
    }

    fn element(&self, item: &Item, fields: &[Field]) -> String {
        let mut text = String::new();
        if item.first.is_empty() {
            text.push('*');
        }
        let mut at = 0;
        for field in fields.iter().filter(|_| !item.first.is_empty()) {
            let key = |key: &[u8]| {
                let end = if fields.len() == 1 { key.len() } else { at + field.length };
                key.get(at..end).unwrap_or_default().to_vec()
            };
            if at > 0 {
                text.push_str(" . ");
            }
            text.push_str(&field.interval(&key(&item.first), &key(&item.last), self.surroundings.interface));
            at += field.length.max(1).next_multiple_of(4);
        }
        if let Some(verdict) = &item.verdict {
            text.push_str(" : ");
            text.push_str(&verdict.text());
        }
        text
    }
}
