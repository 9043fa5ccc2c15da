//! What a Git server says besides its packs: no panic.
//!
//! ```sh
//! cargo +nightly fuzz run packets
//! ```

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| gitops_deploy::repository::git::fuzz::packets(data));
