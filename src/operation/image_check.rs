//! What is asked of the registry before Git changes: that the image is there, for the platforms that are
//! needed, and what its tag stands for.

use std::time::Duration;

use super::advice::{ON_A_PROXY, on_tls};
use super::{Progress, explain};
use crate::deadline::Deadline;
use crate::failure::{Failure, Reason};
use crate::http::Credentials;
use crate::image::ImageReference;
use crate::manifest::{EditRequest, Plan};
use crate::nearest::nearest;
use crate::registry::{Platform, Registry, RegistryError};

/// The shortest and the longest time from one look to the next, while an image is waited for.
const LOOKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// For how long trouble of the registry is waited through, where nothing else is waited for.
const TROUBLE: Duration = Duration::from_secs(30);
/// How much longer than that an answer may take that is on its way.
const GRACE: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct ImageCheck {
    /// Whether the image must be there.
    pub verify: bool,
    /// Whether to write the digest of its tag.
    pub pin: bool,
    /// The platforms that it must be built for.
    pub platforms: Vec<Platform>,
    /// How long to wait for an image that is still being pushed.
    pub wait: Duration,
    /// For its registry.
    pub credentials: Option<Credentials>,
    /// Whether a registry on another machine may be asked without encryption.
    pub plaintext: bool,
}

/// An image as its registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it was asked for.
    pub image: ImageReference,
    /// Of the index, where it is of several platforms.
    pub digest: String,
    /// What it was built for.
    pub platforms: Vec<String>,
}

/// The images that were asked for, and the registries that were.
pub(super) struct Checked {
    /// None where none has to be asked.
    pub(super) registry: Option<Registry>,
    pub(super) found: Vec<Found>,
    /// What the manifests are to say.
    pub(super) edit: EditRequest,
}

impl Checked {
    /// Refuses a plan by which another image would run than those that the registries were asked for: the one that a
    /// Kustomize entry puts in the place of its name, or that of another registry.
    pub(super) fn refuse_others(&self, plan: &Plan, tip: &str) -> Result<(), Failure> {
        let is_known = |image: &ImageReference| {
            let mut found = self.found.iter();
            found.any(|found| found.image.same_repository(image))
        };
        let mut changed = plan.changed_images();
        let other = changed.find_map(|change| {
            let image = change.new.parse::<ImageReference>().ok()?;
            (!is_known(&image)).then_some((change, image))
        });
        let (Some((change, image)), Some(_)) = (other, &self.registry) else {
            return Ok(());
        };
        let asked = self.found.iter().map(|found| found.image.to_string());
        let tag = image.tag().map(|tag| format!(":{tag}"));
        let name = format!(
            "{}{}",
            image.repository_as_written(),
            tag.unwrap_or_default()
        );
        let what = format!(
            "{} line {}: what would run there is {name}, and the registry was asked for {}",
            change.file,
            change.line,
            asked.collect::<Vec<_>>().join(", ")
        );
        let advice = format!("Name the image in `image` as it runs there: `{name}`.");
        Err(explain::of_what_was_read(
            Reason::Manifest,
            &what,
            Some(&advice),
            tip,
        ))
    }
}

impl ImageCheck {
    /// Whether a registry has to be asked at all.
    pub fn is_on(&self) -> bool {
        self.verify || self.pin || !self.platforms.is_empty()
    }

    /// Looks for the images of `edit`, before the `run` is over: it ends later by the time that an image is waited
    /// for. Where the guard is off, nothing is asked.
    pub(super) async fn check(
        &self,
        edit: &EditRequest,
        http: impl FnOnce() -> Result<reqwest::Client, Failure>,
        run: &Deadline,
        log: &mut impl Progress,
    ) -> Result<Checked, Failure> {
        let mut checked = Checked {
            registry: None,
            found: Vec::new(),
            edit: edit.clone(),
        };
        if !self.is_on() {
            return Ok(checked);
        }
        let registry = Registry::new(http()?, self.credentials.clone(), self.plaintext);
        let patience = self
            .wait
            .max(TROUBLE.min(run.total().saturating_sub(self.wait)));
        let deadline = run.within(patience);
        for line in &mut checked.edit.images {
            let known = checked.found.iter().find(|found| found.image == line.image);
            let found = match known {
                Some(found) => found.clone(),
                None => {
                    let found = tokio::select! {
                        found = self.look_for(&registry, &line.image, &deadline, log) => found?,
                        () = deadline.cancelled() => return Err(cancelled(&line.image)),
                        // A registry that answers, and slowly, is asked many times.
                        () = tokio::time::sleep(deadline.remaining() + GRACE) => {
                            return Err(too_slow(&line.image, patience));
                        }
                    };
                    checked.found.push(found.clone());
                    found
                }
            };
            if self.pin && line.image.digest().is_none() {
                line.image = pinned(&found)?;
            }
        }
        checked.registry = Some(registry);
        Ok(checked)
    }

    /// Waits for one image, and sees what it is.
    async fn look_for(
        &self,
        registry: &Registry,
        image: &ImageReference,
        deadline: &Deadline,
        log: &mut impl Progress,
    ) -> Result<Found, Failure> {
        let mut pause = LOOKS.0;
        let mut said = false;
        let digest = loop {
            let error = match registry.digest(image).await {
                Ok(digest) => break digest,
                Err(error) => error,
            };
            let spent = deadline.total().saturating_sub(deadline.remaining());
            let patience = match &error {
                RegistryError::Missing(_) => self.wait,
                // Many registries say so of what is not there yet.
                RegistryError::Denied(_) => self.wait,
                RegistryError::Unavailable { .. }
                | RegistryError::KeptOut { may_pass: true, .. } => deadline.total(),
                RegistryError::KeptOut { .. }
                | RegistryError::Tls { .. }
                | RegistryError::Protocol(_) => Duration::ZERO,
            };
            let at_least = match &error {
                RegistryError::Unavailable { passing, .. } => {
                    passing.retry_after.unwrap_or_default()
                }
                _ => Duration::ZERO,
            };
            let left = patience.saturating_sub(spent);
            if left.is_zero() || at_least > left {
                return Err(self.told(registry, image, &error, spent).await);
            }
            if !said {
                let seconds = patience.as_secs();
                log.info(&format!(
                    "Waiting for {image}, at most {seconds} s: {error}"
                ));
                said = true;
            }
            // The last look is when the time is over, not a pause before that.
            let wait = pause.min(left).max(at_least);
            pause = pause.mul_f64(1.5).min(LOOKS.1);
            tokio::time::sleep(wait).await;
        };
        if self.pin {
            self.same_again(registry, image, &digest).await?;
        }
        let platforms = match registry.platforms(image, &digest).await {
            Ok(platforms) => platforms,
            Err(error) => return Err(self.told(registry, image, &error, Duration::ZERO).await),
        };
        let lacking: Vec<String> = self
            .platforms
            .iter()
            .filter(|wanted| !platforms.iter().any(|platform| platform.satisfies(wanted)))
            .map(ToString::to_string)
            .collect();
        let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        if !lacking.is_empty() {
            let has = match platforms.is_empty() {
                true => "it names none".to_owned(),
                false => format!("it has {}", platforms.join(", ")),
            };
            return Err(Failure::new(
                Reason::Platform,
                format!("{image} is not built for {}: {has}. Nothing was changed.", lacking.join(", ")),
            )
            .with_hint("Build it for these as well (`platforms` of docker/build-push-action), or correct `require-platforms`."));
        }
        log.info(&format!("Found {image}: {digest}"));
        Ok(Found {
            image: image.clone(),
            digest,
            platforms,
        })
    }

    /// Asks again what a tag stands for.
    async fn same_again(
        &self,
        registry: &Registry,
        image: &ImageReference,
        digest: &str,
    ) -> Result<(), Failure> {
        match registry.digest(image).await {
            Ok(again) if again == digest => Ok(()),
            Ok(again) => Err(Failure::new(
                Reason::TagMoved,
                format!("{image} was {digest}, and a moment later {again}. Nothing was changed."),
            )
            .with_hint("Run the job again. Better use a tag that is pushed once, such as one with the commit's id.")),
            Err(error) => Err(self.told(registry, image, &error, Duration::ZERO).await),
        }
    }

    /// Sees that the images are still what they were: asked before each further try to push, as long as there is
    /// time.
    pub(super) async fn confirm(
        &self,
        checked: &Checked,
        deadline: &Deadline,
    ) -> Result<(), Failure> {
        let Some(registry) = &checked.registry else {
            return Ok(());
        };
        for found in &checked.found {
            tokio::select! {
                confirmed = self.confirm_one(registry, found) => confirmed?,
                () = deadline.cancelled() => return Err(cancelled(&found.image)),
                () = tokio::time::sleep(deadline.remaining()) => {
                    return Err(too_slow(&found.image, deadline.total()));
                }
            }
        }
        Ok(())
    }

    async fn confirm_one(&self, registry: &Registry, found: &Found) -> Result<(), Failure> {
        if self.pin {
            return self.same_again(registry, &found.image, &found.digest).await;
        }
        match registry.digest(&found.image).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self
                .told(registry, &found.image, &error, Duration::ZERO)
                .await),
        }
    }

    /// What the registry refused, and how long it was waited for, for a person.
    async fn told(
        &self,
        registry: &Registry,
        image: &ImageReference,
        error: &RegistryError,
        waited: Duration,
    ) -> Failure {
        let waited = match (waited.as_secs(), error) {
            (0, _) => String::new(),
            (seconds, RegistryError::Missing(_) | RegistryError::Denied(_)) => {
                format!(" Waited {seconds} s (`verify-image-timeout`).")
            }
            (seconds, _) => format!(" Waited {seconds} s."),
        };
        let message = format!("{image}: {error}.{waited} Nothing was changed.");
        match error {
            RegistryError::Missing(_) => {
                let tags = registry.tags(image).await.unwrap_or_default();
                let wanted = image.tag().unwrap_or("latest");
                let near = nearest(wanted, tags.iter().map(String::as_str));
                let near: Vec<&str> = near.into_iter().take(5).collect();
                let near = match near.is_empty() {
                    true => String::new(),
                    false => format!(" Its tags, nearest first: {}.", near.join(", ")),
                };
                let verb = match self.wait.is_zero() {
                    true => "set",
                    false => "raise",
                };
                Failure::new(Reason::ImageMissing, message).with_hint(format!(
                    "Push the image first, or correct its name.{near} For one that is still being pushed, {verb} `verify-image-timeout`."
                ))
            }
            RegistryError::Denied(_) => {
                let hint = match (&self.credentials, image.registry()) {
                    (None, "ghcr.io") => "A private image needs `registry-username: ${{ github.actor }}` and `registry-password: ${{ github.token }}`, with `permissions: packages: read`. One that is not there is refused in the same way.",
                    (None, _) => "A private image needs `registry-username` and `registry-password`. Many registries refuse one that is not there in the same way.",
                    (Some(_), _) => "Check `registry-username` and `registry-password`, that they may read this image, and that it is there.",
                };
                Failure::new(Reason::ImageDenied, message).with_hint(hint)
            }
            RegistryError::Unavailable { passing, .. } if passing.is_rate_limit => Failure::new(Reason::RateLimited, message)
                .with_hint(match (&self.credentials, image.registry()) {
                    (None, "docker.io") => "Docker Hub limits who does not log in: give `registry-username` and `registry-password`. Or run the job again later.",
                    _ => "Run the job again later, or give it more time with `verify-image-timeout`.",
                }),
            RegistryError::Unavailable { .. } => Failure::new(Reason::RegistryUnavailable, message)
                .with_hint(match (&self.credentials, image.registry()) {
                    (None, "docker.io") => "Run the job again when the registry is well. Docker Hub rate-limits pulls without a login: give `registry-username` and `registry-password`.",
                    _ => "Run the job again when the registry is well. Where it always fails: check the registry's name, and that this runner may reach it (firewall, HTTPS_PROXY).",
                }),
            RegistryError::KeptOut { .. } => {
                Failure::new(Reason::Proxy, message).with_hint(ON_A_PROXY)
            }
            RegistryError::Tls { error, .. } => {
                let plaintext = "Where the registry speaks plain HTTP, set `plaintext: true`; its password then travels unencrypted.";
                let (reason, hint) = on_tls(error, plaintext);
                Failure::new(reason, message).with_hint(hint)
            }
            RegistryError::Protocol(_) => Failure::new(Reason::RegistryUnavailable, message)
                .with_hint("Check the image's name: its first part must be a registry."),
        }
    }
}

fn too_slow(image: &ImageReference, patience: Duration) -> Failure {
    Failure::new(
        Reason::RegistryUnavailable,
        format!(
            "{image}: {} did not say within {} s what it is. Nothing was changed.",
            image.registry(),
            patience.as_secs()
        ),
    )
    .with_hint("Run the job again when the registry is well; raise `timeout` or `verify-image-timeout` for a slow one.")
}

fn cancelled(image: &ImageReference) -> Failure {
    Failure::new(
        Reason::Cancelled,
        format!("The run was cancelled while it waited for {image}. Git is as it was."),
    )
}

/// The image with the digest of its tag.
fn pinned(found: &Found) -> Result<ImageReference, Failure> {
    let text = format!("{}@{}", found.image, found.digest);
    text.parse()
        .map_err(|error| Failure::new(Reason::Input, format!("`{text}`: {error}")))
}
