//! Proof that a person, or `--yes`, agreed to a change.
//!
//! Every function of `ops` that changes something demands a [`Consent`]. Only `ui/prompt.rs` mints one for the
//! user's own cluster, so that a command cannot forget to ask (tests/architecture.rs looks).

/// Proof of consent: carries nothing, cannot be copied, and is used up by the change it permits.
#[derive(Debug)]
#[must_use = "a consent is given for one change"]
pub struct Consent(());

impl Consent {
    /// Minted after the user said yes, by `ui/prompt.rs` alone.
    pub(crate) fn given() -> Self {
        Consent(())
    }
}
