//! One question to a server that may be any.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
use url::Url;

use crate::deadline::Deadline;
use crate::http::exchange::{self, Answer, ExchangeError, Passing};
use crate::http::text;
use crate::repository::error::RepositoryError;
use crate::repository::wire::{WireError, WireErrorKind, refused};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server answers to a look at `url`, whatever its status, unless that is one of trouble. None where that has
/// more than `most` bytes, as a page for people may.
pub(super) async fn asked(
    http: &reqwest::Client,
    deadline: &Deadline,
    url: Url,
    authorization: Option<&HeaderValue>,
    most: usize,
) -> Result<Option<Answer>, RepositoryError> {
    let host = text::host(&url);
    let mut request = reqwest::Request::new(http::Method::GET, url);
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    let patience = PATIENCE.min(deadline.remaining());
    let answer = exchange::follow(http, request, authorization, patience, most);
    let failed = |kind: WireErrorKind| {
        let pushing = false;
        refused(WireError { pushing, kind }, &host)
    };
    let answer = tokio::select! {
        answer = answer => match answer {
            Ok(answer) => answer,
            Err(ExchangeError::TooLarge) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        },
        () = deadline.cancelled() => return Err(RepositoryError::Cancelled),
    };
    let (status, passing) = (answer.status, Passing::of(answer.status, &answer.headers));
    match passing.is_rate_limit || status >= 500 {
        true => Err(failed(WireErrorKind::Status {
            status,
            detail: String::new(),
            passing,
            is_page: false,
        })),
        false => Ok(Some(answer)),
    }
}
