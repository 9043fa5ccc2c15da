//! Which of two images is newer.

use crate::image::ImageReference;
use crate::version::{self, Order};

/// What the image `new` is, compared with the one that it replaces, as far as they tell.
pub(super) fn order_of(old: &str, new: &str) -> Order {
    if old.is_empty() {
        return Order::Newer;
    }
    let (Ok(old), Ok(new)) = (old.parse::<ImageReference>(), new.parse::<ImageReference>()) else {
        return Order::CantTell;
    };
    match (old.tag(), new.tag()) {
        (Some(before), Some(after)) if old.same_repository(&new) => version::compare(before, after),
        _ => Order::CantTell,
    }
}
