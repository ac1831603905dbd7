//! Values of secrets, sealed so that GitHub alone can open them: libsodium's sealed boxes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::rand_core::{self, CryptoRng, RngCore};
use secrecy::{ExposeSecret as _, SecretString};

/// Seals a value for a key, both in base64.
///
/// # Errors
/// Where the key is none, or the system has no random bytes.
pub(super) fn seal(key: &str, value: &SecretString) -> Result<String, String> {
    let bytes = STANDARD
        .decode(key)
        .map_err(|error| format!("the key of the repository is no base64: {error}"))?;
    let key = PublicKey::from_slice(&bytes).map_err(|_| {
        format!(
            "the key of the repository has {} bytes, not 32",
            bytes.len()
        )
    })?;
    // Asked once beforehand: below, nobody can say that there are none.
    getrandom::fill(&mut [0; 32]).map_err(|error| format!("no random bytes: {error}"))?;
    let sealed = key
        .seal(&mut System, value.expose_secret().as_bytes())
        .map_err(|_| "the value cannot be sealed".to_owned())?;
    Ok(STANDARD.encode(sealed))
}

/// The random bytes of the system.
struct System;

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // A box that is sealed by a known key would be open to everybody.
        #[expect(
            clippy::expect_used,
            reason = "it was asked just before, and does not run dry"
        )]
        getrandom::fill(bytes).expect("random bytes");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for System {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_the_key_alone() {
        let secret = crypto_box::SecretKey::from([7; 32]);
        let key = STANDARD.encode(secret.public_key().as_bytes());
        let value = SecretString::from("canary \u{fc}".to_owned());
        let boxes = [seal(&key, &value), seal(&key, &value)].map(|sealed| sealed.expect("sealed"));
        assert_ne!(boxes[0], boxes[1], "each has a key of its own");
        for sealed in boxes {
            let bytes = STANDARD.decode(sealed).expect("base64");
            assert_eq!(
                secret.unseal(&bytes).expect("ours"),
                "canary \u{fc}".as_bytes()
            );
            let other = crypto_box::SecretKey::from([8; 32]);
            assert!(other.unseal(&bytes).is_err());
        }
        for wrong in ["", "%%", "c2hvcnQ="] {
            let error = seal(wrong, &value).expect_err("no key");
            assert!(error.contains("the key of the repository"), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
