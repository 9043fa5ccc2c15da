//! The inputs for the image's registry.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::Raw;
use super::problems::{Problems, items};
use crate::http::Credentials;
use crate::manifest::EditRequest;
use crate::operation::image_check::ImageCheck;
use crate::registry::InvalidPlatform;

/// What the registry is asked before Git changes.
pub(super) fn image_check(raw: &Raw, edit: &EditRequest, problems: &mut Problems) -> ImageCheck {
    let platforms = items(raw.require_platforms.as_deref().unwrap_or_default());
    let check = ImageCheck {
        verify: problems.boolean("verify-image", raw.verify_image.as_deref()),
        pin: problems.boolean("pin-digest", raw.pin_digest.as_deref()),
        platforms: platforms
            .filter_map(|platform| {
                let add = |error: InvalidPlatform| {
                    problems.add("require-platforms", None, &error.to_string());
                };
                platform.parse().map_err(add).ok()
            })
            .collect(),
        wait: wait(raw, problems),
        credentials: credentials(raw, problems),
    };
    if check.is_on() && edit.images.is_empty() && !edit.set.is_empty() {
        let why = "names no image to look for in a registry, and `verify-image`, `pin-digest` or `require-platforms` asks for that";
        problems.add("image", None, why);
    }
    let mut registries: Vec<&str> = edit
        .images
        .iter()
        .map(|line| line.image.registry())
        .collect();
    registries.sort_unstable();
    registries.dedup();
    if check.is_on() && check.credentials.is_some() && registries.len() > 1 {
        // One of them would be shown what is the other's.
        let why = format!(
            "for one registry, and the images are of {}: deploy them in steps of their own",
            registries.join(" and ")
        );
        problems.add("registry-username", None, &why);
    }
    check
}

fn wait(raw: &Raw, problems: &mut Problems) -> Duration {
    match raw.verify_image_timeout.as_deref().map(str::trim) {
        None | Some("0") => Duration::ZERO,
        Some(text) => problems.seconds("verify-image-timeout", Some(text), 1),
    }
}

fn credentials(raw: &Raw, problems: &mut Problems) -> Option<Credentials> {
    let username = raw.registry_username.as_deref().map(str::trim);
    let password = raw.registry_password.as_ref();
    match (username, password) {
        (None, None) => None,
        (Some(username), Some(password)) => {
            let password: SecretString = password.expose_secret().trim().into();
            let username = username.to_owned();
            Some(Credentials { username, password })
        }
        (Some(_), None) => {
            let why = "empty, though `registry-username` is given. Where it comes from a secret, that secret is not set here";
            problems.add("registry-password", None, why);
            None
        }
        (None, Some(_)) => {
            let why =
                "required with `registry-password`; for a token, many registries take any name";
            problems.add("registry-username", None, why);
            None
        }
    }
}
