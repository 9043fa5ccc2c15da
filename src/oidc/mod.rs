//! OpenID Connect in place of a stored secret: the job's ID token says who it is, and a token that is good for a short
//! time is given out in exchange. Nothing is asked before a token is needed.

mod claims;
mod error;
mod exchange;
mod id_token;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

pub use self::claims::{Claims, shortened};
pub use self::error::{OidcError, Refusal};
pub use self::exchange::Exchange;
pub use self::id_token::IdTokens;
use crate::http::exchange::Patience;

/// How long before its end a token is renewed, so that none ends on its way; of a short life a part.
const AHEAD: Duration = Duration::from_secs(60);
const AHEAD_OF: u32 = 4;

/// The token that a job has at the moment, and the way to the next one.
#[derive(Debug)]
pub struct Tokens {
    http: reqwest::Client,
    id_tokens: IdTokens,
    audience: String,
    exchange: Exchange,
    current: Mutex<Option<Arc<Token>>>,
    was_one_taken: AtomicBool,
    /// Whoever holds it gets a new one.
    turn: tokio::sync::Mutex<()>,
}

/// A token that came in exchange.
#[derive(Debug)]
pub struct Token {
    /// It itself.
    pub secret: SecretString,
    renewed_at: Option<Instant>,
    ends_at: Option<Instant>,
    was_used: AtomicBool,
}

impl Token {
    /// Notes that it is used, and tells whether that is for the first time.
    pub fn is_first_use(&self) -> bool {
        !self.was_used.swap(true, Ordering::Relaxed)
    }

    fn is_due(&self) -> bool {
        self.renewed_at.is_some_and(|at| at <= Instant::now())
    }

    fn is_over(&self) -> bool {
        self.ends_at.is_some_and(|at| at <= Instant::now())
    }
}

impl Tokens {
    /// None yet. The ID token is asked for `audience`.
    pub fn new(
        http: reqwest::Client,
        id_tokens: IdTokens,
        audience: String,
        exchange: Exchange,
    ) -> Self {
        Self {
            http,
            id_tokens,
            audience,
            exchange,
            current: Mutex::default(),
            was_one_taken: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// A token that is good for a while: the one there is, or a new one.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn token(&self, patience: &Patience) -> Result<Arc<Token>, OidcError> {
        let good = || self.current().filter(|token| !token.is_due());
        if let Some(token) = good() {
            return Ok(token);
        }
        let _turn = self.turn.lock().await;
        if let Some(token) = good() {
            return Ok(token);
        }
        match self.next(patience).await {
            Ok(token) => Ok(token),
            // The old one lasts a while yet.
            Err(error) => {
                let old = self.current().filter(|token| !token.is_over());
                old.ok_or(error)
            }
        }
    }

    /// Another token than the one that was `refused`: somebody else's new one, or a new one.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn in_place_of(
        &self,
        refused: &Arc<Token>,
        patience: &Patience,
    ) -> Result<Arc<Token>, OidcError> {
        let _turn = self.turn.lock().await;
        let other = self.current().filter(|token| !Arc::ptr_eq(token, refused));
        match other {
            Some(token) => Ok(token),
            None => self.next(patience).await,
        }
    }

    /// Notes that whom the tokens are for has taken one.
    pub fn note_taken(&self) {
        self.was_one_taken.store(true, Ordering::Relaxed);
    }

    /// Whether whom the tokens are for has taken one.
    pub fn was_one_taken(&self) -> bool {
        self.was_one_taken.load(Ordering::Relaxed)
    }

    /// What the token says of itself; none where there is none, or one that does not tell.
    pub fn claims(&self) -> Option<Claims> {
        Claims::of(&self.current()?.secret)
    }

    fn current(&self) -> Option<Arc<Token>> {
        let current = self.current.lock();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn next(&self, patience: &Patience) -> Result<Arc<Token>, OidcError> {
        let Self { http, exchange, .. } = self;
        let id_token = self.id_tokens.id_token(&self.audience, http, patience);
        let id_token = id_token.await?;
        let began = Instant::now();
        let exchanged = exchange.exchange(&id_token, http, patience).await?;
        let ahead = exchanged.life.map(|life| AHEAD.min(life / AHEAD_OF));
        let ends_at = exchanged.life.and_then(|life| began.checked_add(life));
        let token = Arc::new(Token {
            secret: exchanged.token,
            renewed_at: ends_at.zip(ahead).map(|(end, ahead)| end - ahead),
            ends_at,
            was_used: AtomicBool::new(false),
        });
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }
}
