//! What is looked at before anything is written.

use std::time::Duration;

use secrecy::SecretString;

use crate::action::inputs::definition::{
    DEPLOYING, Definition, Input, Problems, Secret, UPDATE, WRITING, inputs,
};
use crate::action::inputs::given::Given;
use crate::action::inputs::groups::edit::IMAGE;
use crate::action::inputs::groups::server::PLAINTEXT;
use crate::action::inputs::parse::{
    Keyword, boolean, choice, items, parsed, seconds_or_none, text,
};
use crate::files::RepoPath;
use crate::http::Credentials;
use crate::manifest::EditRequest;
use crate::operation::Operation;
use crate::operation::downgrade::Downgrade;
use crate::operation::freeze::{Freeze, WhenFrozen};
use crate::operation::image_check::ImageCheck;
use crate::registry::Platform;

inputs! {
    /// Do everything except the write. Argo CD, or what is posted on the commit, is asked only where there is nothing
    /// to write: what is not on the branch runs nowhere.
    DRY_RUN: bool = Input::new("dry-run", WRITING, boolean).or("false");

    /// Show the changed lines, with three around them, in the log and the summary. Set it to `false`
    /// where others may read the run and not the manifests. The images and values that change are
    /// named all the same.
    SHOW_DIFF: bool = Input::new("show-diff", WRITING, boolean).or("true");

    /// What happens when the image in Git is newer than the one asked for: `allow` deploys it,
    /// `skip` succeeds and writes nothing, `fail` fails. Compared by tag, else by the runs of the
    /// workflow ([docs/guards.md](docs/guards.md)).
    DOWNGRADE: Downgrade = Input::new("downgrade", DEPLOYING, choice).or("allow");

    /// A YAML file of `repository` that says which files are frozen when: then nothing is deployed to them
    /// ([docs/freeze.md](docs/freeze.md)). It is read at the commit that is written on, so that a freeze that
    /// is pushed first always wins. Rollbacks pass, unless it holds them, too.
    FREEZE_FILE: RepoPath = Input::new("freeze-file", WRITING, parsed);

    /// What happens to a deployment that is frozen: `fail` fails, `skip` succeeds and writes nothing, `wait`
    /// waits for the end, if that comes within `timeout`, and looks at everything again. The output
    /// `frozen-until` says when that is.
    FREEZE: WhenFrozen = Input::new("freeze", WRITING, choice)
        .or("fail")
        .needs(&[&FREEZE_FILE.definition]);

    /// Check that the images are in their registry before anything is written
    /// ([docs/guards.md](docs/guards.md)).
    VERIFY_IMAGE: bool = Input::new("verify-image", DEPLOYING, boolean).or("false");

    /// Seconds to wait for an image that is still being pushed.
    VERIFY_IMAGE_TIMEOUT: Duration = Input::new("verify-image-timeout", UPDATE, seconds_or_none)
        .or("0")
        .needs(&REGISTRY_ASKED);

    /// Write `name:tag@sha256:…`, with the digest that the tag stands for in the registry.
    PIN_DIGEST: bool = Input::new("pin-digest", UPDATE, boolean)
        .or("false")
        .elsewhere(&[(
            Operation::Promote,
            "the images are copied as `from` has them: pin them in the step that deploys there",
        )]);

    /// Platforms that the images must be built for, such as `linux/amd64,linux/arm64`.
    REQUIRE_PLATFORMS: Vec<Platform> = Input::new("require-platforms", DEPLOYING, items);

    /// A name for the images' registry, where they are private.
    REGISTRY_USERNAME: String = Input::new("registry-username", DEPLOYING, text)
        .needs(&REGISTRY_ASKED);

    /// The password for it, or a token.
    REGISTRY_PASSWORD: SecretString = Input::new("registry-password", DEPLOYING, password)
        .secret(Secret::WithName(&REGISTRY_USERNAME))
        .needs(&REGISTRY_ASKED);
}

impl Keyword for Downgrade {
    const WORDS: &[(&str, Self)] = &[
        ("allow", Self::Allow),
        ("skip", Self::Skip),
        ("fail", Self::Fail),
    ];
}

impl Keyword for WhenFrozen {
    const WORDS: &[(&str, Self)] = &[
        ("fail", Self::Fail),
        ("skip", Self::Skip),
        ("wait", Self::Wait),
    ];
}

/// What has a registry asked.
static REGISTRY_ASKED: [&Definition; 3] = [
    &VERIFY_IMAGE.definition,
    &PIN_DIGEST.definition,
    &REQUIRE_PLATFORMS.definition,
];

fn password(text: &str, _: &mut Problems<'_>) -> Option<SecretString> {
    Some(text.into())
}

/// Where to look for freezes, if anywhere.
pub fn freeze(given: &mut Given) -> Option<Freeze> {
    let (file, when_frozen) = (given.read(&FREEZE_FILE), given.read(&FREEZE));
    Some(Freeze {
        file: file?,
        when_frozen: when_frozen?,
    })
}

/// What the registry is asked before Git changes.
pub fn image_check(given: &mut Given, edit: &EditRequest) -> ImageCheck {
    let check = ImageCheck {
        verify: given.read(&VERIFY_IMAGE).unwrap_or_default(),
        pin: given.read(&PIN_DIGEST).unwrap_or_default(),
        platforms: given.read(&REQUIRE_PLATFORMS).unwrap_or_default(),
        wait: given.read(&VERIFY_IMAGE_TIMEOUT).unwrap_or_default(),
        credentials: credentials(given),
        plaintext: given.read(&PLAINTEXT).unwrap_or_default(),
    };
    if check.is_on() && edit.images.is_empty() && !(edit.set.is_empty() && edit.remove.is_empty()) {
        let why = "names no image to look for in a registry, and `verify-image`, `pin-digest` or `require-platforms` asks for that";
        given.refuse(&IMAGE, why);
    }
    let images = edit.images.iter();
    let mut registries: Vec<&str> = images.map(|line| line.image.registry()).collect();
    registries.sort_unstable();
    registries.dedup();
    if check.is_on() && check.credentials.is_some() && registries.len() > 1 {
        // One of them would be shown what is the other's.
        let why = format!(
            "they are for one registry, and the images come from {}: deploy these in separate steps",
            registries.join(" and ")
        );
        given.refuse(&REGISTRY_USERNAME, why);
    }
    check
}

fn credentials(given: &mut Given) -> Option<Credentials> {
    let (username, password) = (
        given.read(&REGISTRY_USERNAME),
        given.read(&REGISTRY_PASSWORD),
    );
    if username.is_some() && password.is_none() {
        let why = "empty, though `registry-username` is given. Where it comes from a secret, that secret is not set here";
        given.refuse(&REGISTRY_PASSWORD, why);
    } else if username.is_none() && password.is_some() {
        let why = "required with `registry-password`; for a token, many registries take any name";
        given.refuse(&REGISTRY_USERNAME, why);
    }
    let (username, password) = (username?, password?);
    Some(Credentials { username, password })
}
