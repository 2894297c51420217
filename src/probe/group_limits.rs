//! What files of control groups say of limits, in either version.

/// Version 1 writes "no limit" as the largest number of whole pages; nothing real comes near it.
const UNLIMITED: u64 = 1 << 60;

/// A number of bytes; none for `max` and for what version 1 writes instead.
pub fn bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < UNLIMITED)
}

/// How many CPUs a quota is worth: `50000 100000` is half of one, `max 100000` and `-1 100000` are no limit.
pub fn cpus(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_limit_is_not_a_very_large_one() {
        assert_eq!(bytes("max\n"), None);
        assert_eq!(bytes("9223372036854771712\n"), None);
        assert_eq!(bytes("536870912\n"), Some(536_870_912));
    }

    #[test]
    fn a_quota_is_a_number_of_cpus() {
        assert_eq!(cpus("150000 100000\n"), Some(1.5));
        assert_eq!(cpus("max 100000\n"), None);
        assert_eq!(cpus("-1 100000"), None);
        assert_eq!(cpus("1 0"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", quota in "[0-9a-z -]*") {
            let _ = (bytes(&text), cpus(&text), cpus(&quota));
        }
    }
}
