#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam::sandbox::fuzzing::run("page_token", bytes));
