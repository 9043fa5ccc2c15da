//! What the programs in `fuzz/` call, and nobody else: the readers of what a server sends.

use std::io::Read as _;
use std::time::{Duration, Instant};

use super::answer;
use super::budget::Budget;
use super::packets;
use super::received::Received;
use crate::deadline::{Deadline, cancellation};
use crate::repository::object::ObjectId;

/// Reads packets of every kind.
///
/// # Panics
/// When more comes out of packets than is in them.
pub fn packets(bytes: &[u8]) {
    let _ = packets::allows_partial_fetch(bytes);
    let _ = packets::advertised(bytes);
    let _ = packets::listed(bytes);
    let _ = packets::has_side_band(bytes);
    let _ = packets::PushTerms::of(Some(bytes));
    let _ = packets::push_report(bytes, "refs/heads/main").is_in_order();
    for has_side_band in [true, false] {
        let Ok(mut answer) = answer::read(bytes, has_side_band) else {
            continue;
        };
        let mut pack = Vec::new();
        let _ = answer.pack.read_to_end(&mut pack);
        assert!(pack.len() <= bytes.len());
    }
}

/// Takes in packs, one after the other, and reads every object of `ids`. What is found is what was asked
/// for, and as large as was said. Says how many were found; none where the time was over before.
///
/// # Panics
/// When an object is another one, or the end of the time is passed over, which is what the programs look for.
pub fn packs(packs: &[Vec<u8>], may_lack: bool, ids: &[ObjectId]) -> Option<usize> {
    let (_canceller, cancellation) = cancellation();
    let deadline = Deadline::after(Duration::from_secs(2), cancellation);
    let begin = Instant::now();
    let budget = Budget::until(deadline);
    let mut received = Received::default();
    for pack in packs {
        let _ = received.read(&pack[..], may_lack, &budget);
    }
    let mut found = 0;
    for id in ids {
        let size = received.size(*id, &budget);
        let Ok(Some((kind, content))) = received.get(*id, &budget) else {
            continue;
        };
        assert_eq!(ObjectId::of(kind, &content), *id);
        assert!(received.has(*id));
        if let Ok(size) = size {
            assert_eq!(size, Some(content.len()));
        }
        found += 1;
    }
    assert!(begin.elapsed() < Duration::from_secs(4));
    budget.time().is_ok().then_some(found)
}
