//! The programs in `fuzz/`, over their seeds: they build, and they hold for what is known already.

use std::fs;
use std::path::Path;

/// Each is a program of its own, and here a module.
macro_rules! targets {
    ($($name:ident $path:literal)*) => {
        $(
            #[allow(unused_attributes, reason = "it has no main, as a program")]
            #[path = $path]
            mod $name;
        )*
        const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::run)),*];
    };
}

targets! {
    argocd "../../fuzz/fuzz_targets/argocd.rs"
    edit "../../fuzz/fuzz_targets/edit.rs"
    pack "../../fuzz/fuzz_targets/pack.rs"
    packets "../../fuzz/fuzz_targets/packets.rs"
    plan "../../fuzz/fuzz_targets/plan.rs"
    text "../../fuzz/fuzz_targets/text.rs"
}

/// In place of libFuzzer's own: what is fuzzed becomes a function. Below them, so that they import it as they do that.
#[macro_export]
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:expr) => {
        pub fn run($data: &[u8]) {
            $body
        }
    };
    (|$text:ident: &str| $body:expr) => {
        pub fn run(data: &[u8]) {
            if let Ok($text) = std::str::from_utf8(data) {
                $body
            }
        }
    };
}

#[test]
fn every_target_holds_for_its_seeds() {
    let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let programs = fs::read_dir(below.join("fuzz_targets")).unwrap().count();
    assert_eq!(programs, TARGETS.len());
    for (name, run) in TARGETS {
        let mut seeds = 0;
        for seed in fs::read_dir(below.join("corpus").join(name)).unwrap() {
            run(&fs::read(seed.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds > 0, "{name}");
    }
}

#[test]
fn the_workflow_fuzzes_every_target() {
    let workflow = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows/ci.yml");
    let workflow = fs::read_to_string(workflow).unwrap();
    let names = Vec::from_iter(TARGETS.iter().map(|(name, _)| *name)).join(", ");
    let expected = format!("target: [{names}]");
    assert!(workflow.contains(&expected), "{expected}");
}
