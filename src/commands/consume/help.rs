//! What `eda consume --help` says besides the flags.

pub const EXAMPLES: &str = "\
Examples:
  eda consume order-created
  eda consume order-created --group payment-service -n 10
  eda consume order-created -o @-1h --idle 2s --json
  eda consume order-created -o -5                       the last five of each partition, then what comes
  eda consume order-created -o :end | jq .value.total   all there is now
  eda consume order-created -f '%k\\t%v\\n'             keys and values
  eda consume '^order-' --grep key:^order-7$            one order, in every topic of orders
  eda consume order-created --where 'total>100' --where 'items[0].sku=lamp'
With a handler:
  eda consume order-created -g payment --exec ./charge
  eda consume order-created -g payment --exec 'python3 charge.py --live' --concurrency 8
  eda consume order-created -g mail --http http://127.0.0.1:8080/orders --dedupe sqlite:done.db
  eda consume order-created -g enrich --worker ./enrich --delivery exactly-once";

pub const HANDLERS: &str = "\
Handlers:
  With --exec, --worker or --http each record is handled instead of printed. What fails in
  passing is tried again (--max-retries, --backoff); what fails for good, or too often, becomes
  a dead letter in TOPIC.dlq, which `eda dlq show` explains and `eda dlq replay` puts back. A
  record that is tried again holds up those of its key (--order partition: of its partition),
  and no others. Kafka is polled meanwhile: a slow handler never costs the membership. Standard
  output has the summary at the end, standard error what handlers write. A regular expression
  never means the topics that this command's own dead letters go to.

  verdict    --exec                    --worker                           --http
  done       exit 0                    {\"ok\":true}                        2xx
  try again  75, 69, any other code;   {\"error\":\"…\"};                     408 425 429 5xx; nobody
             no end in time            no answer in time                  there; no answer in time
  never      65, 64                    {\"error\":\"…\",\"permanent\":true}     any other status
  poison     dies of a signal, twice   ends without an answer, twice      -

  --retry-on and --permanent-on judge exit codes and statuses otherwise. Retry-After is heeded, up
  to 5m.
  Poison and \"never\" become dead letters at once. When more than half of the last 100 records
  would, it ends with status 1 instead.

--exec:
  The value is on standard input. In the environment: EDA_TOPIC, EDA_PARTITION, EDA_OFFSET,
  EDA_TIMESTAMP (ms), EDA_KEY, EDA_ATTEMPT (from 1), EDA_EVENT_ID, EDA_GROUP, EDA_HEADER_<NAME>,
  EDA_VALUE_NULL=1 for a null value, and EDA_OMITTED, which names what was too long. The last 4
  KiB of standard error become the dead letter's message.

--worker:
  It is asked a line of JSON a record, and answers a line each, in the same order, flushed:
  < {\"topic\":\"order-created\",\"partition\":0,\"offset\":7,\"key\":\"order-1\",\"value\":{…},\"headers\":[],
     \"attempt\":1,\"eventId\":\"…\"}                                             (on one line)
  > {\"ok\":true,\"produce\":[{\"topic\":\"payment-processed\",\"key\":\"order-1\",\"value\":{…}}]}
  Up to --in-flight records are asked ahead, never two of one key. One that dies is started
  again.

--http:
  The value is the body; eda-topic, eda-key, eda-attempt and so on are headers; an event is a
  CloudEvent (ce-*).

Guarantees (--delivery):
  at-least-once  An offset is committed after its record, and every earlier one of the
                 partition, was handled, was a duplicate, or is a dead letter that Kafka
                 acknowledged. What is done after one that is not is noted beside the offset, and
                 not repeated by whoever reads on. A crash repeats what was done since the last
                 commit. Nothing is lost.
  at-most-once   An offset is committed before its record is handled. A crash loses what was
                 committed and not begun, at most 100 records, and what was in hand. There are no
                 retries: what fails is a dead letter at once. A worker is asked one record at a
                 time. Nothing is handled twice.
  exactly-once   For --worker: what it answers is to be produced, its dead letters, and the
                 offsets of the records these were made of are committed in one transaction, or
                 none of it. Who reads committed records sees the outcome of each record once. A
                 record may be handled again after a crash: what a worker does besides its
                 answer is done again. The transactional id is eda-GROUP-HOST-N, N being the
                 first number that no other member on this machine has; -X transactional.id=ID
                 is another. Containers that share a host's name and not its files need that.
                 Kafka keeps the group's offsets back until an open transaction is ended: a member
                 that waits for that says so.

Idempotency (--dedupe):
  An event that was done is passed over, by the group and the event's id: the value's eventId,
  the header ce_id or id, else topic, partition and offset. It is claimed before it is handled,
  for --dedupe-lease, and marked done afterwards, for --dedupe-ttl. A crash between the
  handler's effect and the mark handles it once more. To close that gap, keep the effect in the
  same SQLite file or PostgreSQL database and have the handler mark the event (EDA_EVENT_ID,
  eventId) in the transaction of the effect, which it rolls back when that changes no row:
    UPDATE eda_events SET state = 'done'
     WHERE consumer_group = 'GROUP' AND event_id = 'ID' AND state <> 'done';
  What became a dead letter is not marked. It is for at-least-once alone. sqlite:PATH serves one
  machine; redis:// and postgres:// several. An address with a password goes into EDA_DEDUPE.

Stopping:
  The first Ctrl-C, SIGTERM or closed terminal finishes what is in hand, for no longer than
  --grace, commits, leaves the group and exits with 130 or 143; the second kills the handlers
  and leaves at once, without a commit. What a worker was sent and had no time for it may still
  do; so may handlers that outlive a kill -9 of eda. -n and --idle end with 0; -n counts records that this member was done with.

JSON:
  The summary is {group, topics, delivery, ended, processed, retried, failedAttempts,
  deadLettered, deadLetterTopics, duplicates, produced, passedOver, lag, seconds,
  recordsPerSecond, p50Ms, p95Ms, p99Ms}; ended is done, interrupted, terminated or failed; the
  times are of attempts. exactly-once: what a lost transaction took back is counted too. passedOver is null without a filter, lag when it is not known.

Metrics (--metrics):
  eda_handler_processed_total, and likewise _retried, _failed_attempts, _dead_lettered,
  _duplicates, _passed_over and _produced; eda_handler_duration_seconds (a histogram) and
  eda_handler_in_hand; all of them by group, and eda_handler_consumer_lag by partition.

Environment:
  EDA_DEDUPE is --dedupe. $XDG_RUNTIME_DIR/eda, else a folder of yours among the temporary
  files, is where members mark whose transactions are whose. A handler inherits the whole
  environment, but no EDA_ variable of another record.";
