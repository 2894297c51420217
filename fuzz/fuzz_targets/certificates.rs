#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| casebook::fuzz::certificates(input));
