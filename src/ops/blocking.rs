//! Work that waits, on a thread where waiting is allowed.

use crate::error::{Error, Result};

/// Runs it on a thread of the runtime's for such work; `what` it does, for when the thread ends before it has.
///
/// # Errors
/// Those of the work.
pub(in crate::ops) async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let ended_early =
        |error| Error::failed(format!("the {what} thread ended early")).caused_by(error);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ended_early)?
}
