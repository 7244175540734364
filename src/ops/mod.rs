//! What `eda` does: verbs over a [`Cluster`](crate::kafka::Cluster). Each takes a request and gives a report; none
//! prints, none knows the command line. What changes something comes in two halves: a plan, which only reads and is
//! the dry run and the preview too, and its carrying out, which demands a [`Consent`](crate::consent::Consent).

mod blocking;
pub mod consume;
pub mod dlq;
pub mod event;
pub mod expect;
pub mod group;
pub mod http;
pub mod lag;
mod largest_batch;
pub mod missing;
pub mod offsets;
pub mod outbox;
pub mod overview;
mod pace;
pub mod positions;
pub mod produce;
pub mod scan;
pub mod serve;
pub mod stop;
pub mod topic;
