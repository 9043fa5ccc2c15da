//! The difference between two objects, as packs have it: pieces of the first, and what is new.
//!
//! Format: `gitformat-pack(5)`, "Deltified representation".

use super::answer::FetchError;
use super::budget::Budget;
use crate::limits::OBJECT;

fn damaged() -> FetchError {
    FetchError::broken("a delta in the pack can't be applied")
}

/// The sizes of what a delta is applied to, and of what it makes of that.
pub(super) fn sizes(mut delta: &[u8]) -> Result<(usize, usize), FetchError> {
    let delta = &mut delta;
    number(delta).zip(number(delta)).ok_or_else(damaged)
}

/// What `delta` makes of `base`.
pub(super) fn apply(mut delta: &[u8], base: &[u8], budget: &Budget) -> Result<Vec<u8>, FetchError> {
    let delta = &mut delta;
    let (old, new) = number(delta).zip(number(delta)).ok_or_else(damaged)?;
    if old != base.len() {
        return Err(damaged());
    }
    OBJECT.check(new as u64)?;
    budget.unpack(new)?;
    let mut content = Vec::with_capacity(new);
    while let Some((&instruction, rest)) = delta.split_first() {
        *delta = rest;
        let piece = if instruction & 0x80 != 0 {
            let (offset, length) = copied(instruction, delta).ok_or_else(damaged)?;
            base.get(offset..offset + length).ok_or_else(damaged)?
        } else {
            let (inserted, rest) = delta
                .split_at_checked(instruction.into())
                .filter(|(inserted, _)| !inserted.is_empty())
                .ok_or_else(damaged)?;
            *delta = rest;
            inserted
        };
        if content.len() + piece.len() > new {
            return Err(damaged());
        }
        content.extend_from_slice(piece);
    }
    if content.len() != new {
        return Err(damaged());
    }
    Ok(content)
}

/// Offset and length of a copy: the bits of `instruction` say which of their bytes follow.
fn copied(instruction: u8, delta: &mut &[u8]) -> Option<(usize, usize)> {
    const LENGTH_OF_NONE: usize = 0x10000;
    let mut values = [0_usize; 2];
    for bit in 0..7 {
        if instruction & 1 << bit != 0 {
            let (&byte, rest) = delta.split_first()?;
            *delta = rest;
            let (value, byte_of_it) = if bit < 4 { (0, bit) } else { (1, bit - 4) };
            values[value] |= usize::from(byte) << (8 * byte_of_it);
        }
    }
    let [offset, length] = values;
    Some((offset, if length == 0 { LENGTH_OF_NONE } else { length }))
}

/// A number, seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_usize, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}
