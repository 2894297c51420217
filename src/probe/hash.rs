//! A fast keyed hash: whoever sends packets chooses what is hashed, so the hash must not be foreseeable. What comes from a
//! file is hashed under a key that comes from the file: reading it again gives the same figures.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// The key of one observation.
#[derive(Debug, Clone, Copy)]
pub struct KeyedHash([u64; 4]);

impl KeyedHash {
    /// A key of the kernel's randomness, for what is observed on a live host.
    pub fn from_kernel() -> Self {
        let mut key = [0; 32];
        match SystemRandom::new().fill(&mut key) {
            Ok(()) => KeyedHash::from_bytes(key),
            // The standard library has its own ways to the kernel.
            Err(_) => {
                let random = RandomState::new();
                KeyedHash([0, 1, 2, 3].map(|index: u64| random.hash_one(index) | 1))
            }
        }
    }

    /// A key that hangs on these contents and on nothing else, for what is read from files: each part with its length.
    pub fn from_contents<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        KeyedHash::from_bytes(digest.finalize().into())
    }

    fn from_bytes(key: [u8; 32]) -> Self {
        let word = |index: usize| key[index * 8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        KeyedHash([0, 1, 2, 3].map(|index| word(index) | 1))
    }

    /// The hash of two words.
    #[inline(always)]
    pub fn words(&self, first: u64, second: u64) -> u64 {
        let [a, b, c, d] = self.0;
        fold(fold(first ^ a, second ^ b) ^ c, d)
    }

    /// The hash of bytes.
    pub fn bytes(&self, bytes: &[u8]) -> u64 {
        let [a, b, c, d] = self.0;
        let word = |half: &[u8]| half.first_chunk().map_or(0, |half| u64::from_le_bytes(*half));
        let mut hash = bytes.len() as u64 ^ a;
        let mut chunks = bytes.chunks_exact(16);
        for chunk in &mut chunks {
            hash = fold(word(chunk) ^ hash, word(&chunk[8..]) ^ b);
        }
        let mut rest = [0; 16];
        rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        hash = fold(word(&rest) ^ hash, word(&rest[8..]) ^ b);
        fold(hash ^ c, d)
    }

    /// The hash of an address.
    #[inline(always)]
    pub fn address(&self, address: IpAddr) -> u64 {
        match address {
            IpAddr::V4(v4) => self.words(u64::from(v4.to_bits()), 0x5634),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                self.words((bits >> 64) as u64, (bits as u64).rotate_left(32) ^ 0x5636)
            }
        }
    }

    /// The hash of an address's network: IPv4 /24, IPv6 /48.
    pub fn network(&self, address: IpAddr) -> u64 {
        match address {
            IpAddr::V4(v4) => self.words(u64::from(v4.to_bits() >> 8), 24),
            IpAddr::V6(v6) => self.words((v6.to_bits() >> 80) as u64, 48),
        }
    }
}

/// Hashes the keys of maps.
impl BuildHasher for KeyedHash {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { secret: *self, hash: 0 }
    }
}

/// The hash of a key so far.
#[derive(Debug)]
pub struct KeyHasher {
    secret: KeyedHash,
    hash: u64,
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.hash = self.secret.words(self.secret.bytes(bytes), self.hash);
    }

    fn write_usize(&mut self, number: usize) {
        self.hash = self.secret.words(number as u64, self.hash);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

/// Multiplies to 128 bits and folds the halves together: each bit of the input reaches each bit of the result.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_observations_hash_the_same_key_differently() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert_ne!(KeyedHash::from_kernel().address(address), KeyedHash::from_kernel().address(address));
    }

    #[test]
    fn the_same_contents_give_the_same_key_and_others_another_one() {
        let hash = |parts: &[&[u8]]| KeyedHash::from_contents(parts.iter().copied()).bytes(b"x");
        assert_eq!(hash(&[b"ab", b"c"]), hash(&[b"ab", b"c"]));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
    }

    #[test]
    fn bytes_that_differ_anywhere_differ_in_their_hash() {
        let secret = KeyedHash::from_kernel();
        let text = *b"Failed password for root from 192.0.2.1 port 4022";
        let whole = secret.bytes(&text);
        assert_eq!(secret.bytes(&text.clone()), whole);
        for length in 0..text.len() {
            assert_ne!(secret.bytes(&text[..length]), whole);
            let mut other = text;
            other[length] ^= 1;
            assert_ne!(secret.bytes(&other), whole);
        }
        assert_ne!(secret.bytes(b""), secret.bytes(b"\0"));
    }

    #[test]
    fn neighbours_share_a_network_but_no_hash() {
        let secret = KeyedHash::from_kernel();
        let (one, other, far): (IpAddr, IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "192.0.2.200".parse().unwrap(), "192.0.3.1".parse().unwrap());
        assert_eq!(secret.network(one), secret.network(other));
        assert_ne!(secret.network(one), secret.network(far));
        assert_ne!(secret.address(one), secret.address(other));
    }
}
