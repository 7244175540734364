//! One suite over every outbox, those in a table made for Debezium included: each keeps the same promises.

mod failures;
mod in_postgres;
mod in_sqlite;
mod order;
mod place;
mod promises;

/// A test of each promise in each place, by the promise's name.
macro_rules! promises {
    ($($place:ident)*; $promises:tt) => {
        $(promises!(@one $place $promises);)*
    };
    (@one $place:ident [$($module:ident::$promise:ident)*]) => {
        mod $place {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let test = concat!("outbox_", stringify!($place), "_", stringify!($promise));
                    let Some(place) = super::place::Place::$place(test) else {
                        return;
                    };
                    super::$module::$promise(&place).await;
                }
            )*
        }
    };
}

promises! {
    sqlite sqlite_for_debezium postgres postgres_for_debezium;
    [
        promises::what_is_missing_is_made_once
        promises::what_is_added_is_claimed_in_order_and_settled
        promises::an_id_is_there_once
        promises::payloads_are_kept_byte_for_byte
        promises::a_payload_may_be_large
        promises::what_somebody_adds_is_heard_of
        promises::names_of_tables_are_names
        promises::what_is_published_is_purged_in_time
        promises::what_the_application_deletes_is_gone
        failures::what_is_refused_waits_and_so_do_those_behind_it
        failures::dead_events_are_parked_or_block
        failures::dead_events_are_retried_or_purged
        failures::what_is_given_back_may_be_had_at_once
        order::what_another_has_in_hand_holds_its_aggregate_only
        order::a_dead_relays_events_are_taken_over
        order::a_lease_that_is_renewed_lasts
        order::a_long_blocked_line_does_not_keep_the_others
        order::relays_that_race_keep_the_order
    ]
}
