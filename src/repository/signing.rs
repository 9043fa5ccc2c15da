//! A signature on commits that are made over git: by an SSH key, as `git commit -S` makes it with
//! `gpg.format=ssh`.
//!
//! Sources: OpenSSH's `PROTOCOL.key` (how the key is written down) and `PROTOCOL.sshsig` (what is signed, and how
//! the signature is), RFC 4251 section 5 and RFC 8332 (numbers, and RSA with SHA-2).

use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA512, digest};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA512, RsaKeyPair};

use crate::limits::shortened;

/// A private key of OpenSSH's. Nothing shows it.
pub struct SigningKey {
    secret: Secret,
    /// As it stands in `authorized_keys`, decoded.
    public: Vec<u8>,
}

enum Secret {
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// The text is no [`SigningKey`]. It is a secret and is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningKey {
    /// Nothing between `BEGIN OPENSSH PRIVATE KEY` and `END`.
    #[error(
        "no private key in it: expected what `ssh-keygen -t ed25519` makes, from `-----BEGIN OPENSSH PRIVATE KEY-----` to `-----END OPENSSH PRIVATE KEY-----`, line ends included"
    )]
    NoKey,
    /// It is encrypted.
    #[error("it has a passphrase, and nobody is there to type it: remove it with `ssh-keygen -p`")]
    Passphrase,
    /// Of another kind.
    #[error("a key of the kind `{0}`: expected ed25519 or RSA")]
    Kind(String),
    /// Something else is wrong with it.
    #[error("the private key in it can't be read: it is damaged, or RSA of less than 2048 bits")]
    Unreadable,
}

impl FromStr for SigningKey {
    type Err = InvalidSigningKey;

    fn from_str(text: &str) -> Result<Self, InvalidSigningKey> {
        const MAGIC: &[u8] = b"openssh-key-v1\0";
        // Where a secret was stored with its line ends spelled out.
        let text = text.replace("\\n", "\n");
        let body = || {
            let (_, rest) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
            let (body, _) = rest.split_once("-----END OPENSSH PRIVATE KEY-----")?;
            let body: String = body.split_whitespace().collect();
            BASE64_STANDARD.decode(body).ok()
        };
        let body = body().ok_or(InvalidSigningKey::NoKey)?;
        let mut fields = Fields(body.strip_prefix(MAGIC).ok_or(InvalidSigningKey::NoKey)?);
        let mut outer = || {
            let cipher = fields.text()?;
            let (_kdf, _options) = (fields.text()?, fields.text()?);
            let one = fields.number()? == 1;
            let (public, private) = (fields.text()?, fields.text()?);
            one.then_some((cipher, public, private))
        };
        let (cipher, public, private) = outer().ok_or(InvalidSigningKey::Unreadable)?;
        if cipher != b"none" {
            return Err(InvalidSigningKey::Passphrase);
        }
        let mut fields = Fields(private);
        let checked = fields
            .number()
            .is_some_and(|one| fields.number() == Some(one));
        let kind = fields.text().filter(|_| checked);
        let kind = kind.ok_or(InvalidSigningKey::Unreadable)?;
        let secret = match kind {
            b"ssh-ed25519" => fields.ed25519().map(Secret::Ed25519),
            b"ssh-rsa" => fields.rsa().map(Box::new).map(Secret::Rsa),
            other => {
                let kind = String::from_utf8_lossy(other);
                return Err(InvalidSigningKey::Kind(shortened(&kind, 40)));
            }
        };
        Ok(Self {
            secret: secret.ok_or(InvalidSigningKey::Unreadable)?,
            public: public.to_vec(),
        })
    }
}

impl SigningKey {
    /// The signature of a commit, in the armour that its header `gpgsig` takes; none where the system gives
    /// no randomness.
    pub fn sign(&self, commit: &[u8]) -> Option<String> {
        const MAGIC: &[u8] = b"SSHSIG";
        let hash = digest(&SHA512, commit);
        // The namespace, something reserved, how the commit was hashed.
        let header = [field(b"git"), field(b""), field(b"sha512")].concat();
        let signed = [MAGIC, &header, &field(hash.as_ref())].concat();
        let (kind, signature) = match &self.secret {
            Secret::Ed25519(key) => (&b"ssh-ed25519"[..], key.sign(&signed).as_ref().to_vec()),
            Secret::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA512, &random, &signed, &mut signature)
                    .ok()?;
                (&b"rsa-sha2-512"[..], signature)
            }
        };
        let signature = [field(kind), field(&signature)].concat();
        let version = 1_u32.to_be_bytes();
        let public = field(&self.public);
        let whole = [MAGIC, &version, &public, &header, &field(&signature)].concat();
        let text = BASE64_STANDARD.encode(whole);
        let lines = text.as_bytes().chunks(70).map(String::from_utf8_lossy);
        let lines = lines.collect::<Vec<_>>().join("\n");
        Some(format!(
            "-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----"
        ))
    }
}

/// A text with its length before it.
fn field(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes()[..], text].concat()
}

/// What is left of some fields, read from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(text)
    }

    /// A positive number of any size, without the zeros before it.
    fn integer(&mut self) -> Option<&'a [u8]> {
        let text = self.text()?;
        let zeros = text.iter().take_while(|byte| **byte == 0).count();
        text.get(zeros..).filter(|digits| !digits.is_empty())
    }

    fn ed25519(&mut self) -> Option<Ed25519KeyPair> {
        let (public, secret) = (self.text()?, self.text()?);
        // The seed, and the public key once more.
        let seed = secret.strip_suffix(public)?;
        Ed25519KeyPair::from_seed_and_public_key(seed, public).ok()
    }

    fn rsa(&mut self) -> Option<RsaKeyPair> {
        let (n, e, d) = (self.integer()?, self.integer()?, self.integer()?);
        let (inverse, p, q) = (self.integer()?, self.integer()?, self.integer()?);
        let exponent = |prime: &[u8]| remainder(d, &less_one(prime));
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n, e },
            d,
            p,
            q,
            dP: &exponent(p)[..],
            dQ: &exponent(q)[..],
            qInv: inverse,
        };
        RsaKeyPair::from_components(&components).ok()
    }
}

/// An odd number less one.
fn less_one(odd: &[u8]) -> Vec<u8> {
    let mut even = odd.to_vec();
    if let Some(last) = even.last_mut() {
        *last &= 0xfe;
    }
    even
}

/// What is left of `number` when it is divided by `divisor`, which is not zero: bit by bit, as on paper.
/// OpenSSH leaves out two numbers of an RSA key that are made of the others in this way.
fn remainder(number: &[u8], divisor: &[u8]) -> Vec<u8> {
    let mut rest = vec![0_u8; divisor.len() + 1];
    let divisor = [&[0], divisor].concat();
    for byte in number {
        for bit in (0..8).rev() {
            let mut carry = byte >> bit & 1;
            for digit in rest.iter_mut().rev() {
                let shifted = *digit << 1 | carry;
                carry = *digit >> 7;
                *digit = shifted;
            }
            if rest >= divisor {
                let mut borrow = false;
                for (digit, subtracted) in rest.iter_mut().zip(&divisor).rev() {
                    let (less, first) = digit.overflowing_sub(*subtracted);
                    let (less, second) = less.overflowing_sub(u8::from(borrow));
                    (*digit, borrow) = (less, first || second);
                }
            }
        }
    }
    let zeros = rest.iter().take_while(|digit| **digit == 0).count();
    rest.split_off(zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remainder_is_what_is_left() {
        let of = |number: u128, divisor: u64| {
            let rest = remainder(&number.to_be_bytes(), &divisor.to_be_bytes()[..]);
            rest.iter()
                .fold(0, |value: u64, digit| value << 8 | u64::from(*digit))
        };
        for (number, divisor) in [
            (0, 7),
            (6, 7),
            (7, 7),
            (u128::MAX, 0xffff_fffe),
            (u128::MAX, u64::MAX - 1),
            (0x1234_5678_9abc_def0_1234_5678_9abc_def0, 0x8765_4321),
        ] {
            let expected = (number % u128::from(divisor)) as u64;
            assert_eq!(of(number, divisor), expected, "{number} {divisor}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let told = |text: &str| text.parse::<SigningKey>().err().unwrap();
        assert_eq!(told("s3cret"), InvalidSigningKey::NoKey);
        let armoured = |body: &[u8]| {
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
                BASE64_STANDARD.encode(body)
            )
        };
        assert_eq!(told(&armoured(b"x")), InvalidSigningKey::NoKey);
        let key = |cipher: &[u8], private: &[u8]| {
            let one = 1_u32.to_be_bytes();
            let fields = [
                field(cipher),
                field(b"none"),
                field(b""),
                one.to_vec(),
                field(b"p"),
                field(private),
            ];
            armoured(&[&b"openssh-key-v1\0"[..], &fields.concat()].concat())
        };
        assert_eq!(
            told(&key(b"aes256-ctr", b"")),
            InvalidSigningKey::Passphrase
        );
        assert_eq!(told(&key(b"none", b"")), InvalidSigningKey::Unreadable);
        let dsa = [&[0; 8][..], &field(b"ssh-dss")].concat();
        assert_eq!(
            told(&key(b"none", &dsa)),
            InvalidSigningKey::Kind("ssh-dss".into())
        );
        let cut = [&[0; 8][..], &field(b"ssh-ed25519"), &field(&[1; 32])].concat();
        assert_eq!(told(&key(b"none", &cut)), InvalidSigningKey::Unreadable);
    }
}
