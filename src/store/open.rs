//! Opens the memory that an address means.

use super::postgres::Postgres;
use super::redis::Redis;
use super::sqlite::Sqlite;
use super::stored::{at_open, probe};
use super::{Idempotency, Lasting, Memory, StoreAddress};
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;

/// Opens the memory of a group, and asks it once; `None` when there is to be none. Every answer, then and later, takes
/// `timeout` at most.
///
/// # Errors
/// Unreachable, with host and port, when nothing answers; a failure when credentials or rights are refused, or a table
/// is not ours; a usage error when there can be no database at a path.
pub async fn open(
    address: &StoreAddress,
    group: &str,
    lasting: Lasting,
    timeout: Duration,
) -> Result<Option<Arc<dyn Idempotency>>> {
    let store: Arc<dyn Idempotency> = match address {
        StoreAddress::None => return Ok(None),
        StoreAddress::Memory => Arc::new(Memory::default()),
        StoreAddress::Sqlite(path) => Arc::new(Sqlite::open(path, group, lasting, timeout).await?),
        StoreAddress::Redis(address) => {
            Arc::new(Redis::open(address, group, lasting, timeout).await?)
        }
        StoreAddress::Postgres(address) => {
            Arc::new(Postgres::open(address, group, lasting, timeout).await?)
        }
    };
    probe(store.as_ref()).await.map_err(at_open)?;
    Ok(Some(store))
}
