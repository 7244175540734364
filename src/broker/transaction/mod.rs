//! What the broker knows of idempotent producers: [`producer_ids`] hands out their ids, [`sequences`] keeps, for each
//! partition, what each of them wrote last (KIP-98). Transactions are not implemented, and not advertised.

pub(crate) mod producer_ids;
pub(crate) mod sequences;
