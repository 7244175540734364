//! The shape of every request this broker takes, field by field as the protocol guide's schemas list them
//! (`clients/src/main/resources/common/message/*Request.json` in Kafka); [`super::guard`] walks them. A table.

use super::guard::{Field, Kind, Shape};

const BYTE: Kind = Kind::Fixed(1);
const SHORT: Kind = Kind::Fixed(2);
const INT: Kind = Kind::Fixed(4);
const LONG: Kind = Kind::Fixed(8);
const UUID: Kind = Kind::Fixed(16);
const TEXT: Kind = Kind::Text;
const BLOB: Kind = Kind::Blob;

/// In every version.
const fn all(kind: Kind) -> Field {
    between(0, i16::MAX, kind)
}

/// From this version on.
const fn since(first: i16, kind: Kind) -> Field {
    between(first, i16::MAX, kind)
}

/// Up to this version.
const fn until(last: i16, kind: Kind) -> Field {
    between(0, last, kind)
}

const fn between(first: i16, last: i16, kind: Kind) -> Field {
    Field { kind, first, last }
}

/// A structure of these fields, without tagged fields the codec knows.
macro_rules! shape {
    ($($field:expr),* $(,)?) => { Shape { fields: &[$($field),*], tagged: &[] } };
}

/// An array of a structure of these fields.
macro_rules! array {
    ($($field:expr),* $(,)?) => { Kind::Array(&Shape { fields: &[$($field),*], tagged: &[] }) };
}

pub(super) static API_VERSIONS: Shape = shape![since(3, TEXT), since(3, TEXT)];

pub(super) static METADATA: Shape = shape![
    all(array![since(10, UUID), all(TEXT)]),
    since(4, BYTE),
    between(8, 10, BYTE),
    since(8, BYTE),
];

pub(super) static PRODUCE: Shape = shape![
    all(TEXT),
    all(SHORT),
    all(INT),
    all(array![
        until(12, TEXT),
        since(13, UUID),
        all(array![all(INT), all(BLOB)]),
    ]),
];

static FETCH_PARTITION: Shape = Shape {
    fields: &[
        all(INT),
        since(9, INT),
        all(LONG),
        since(12, INT),
        since(5, LONG),
        all(INT),
    ],
    tagged: &[(0, UUID), (1, LONG)],
};

static REPLICA_STATE: Shape = shape![all(INT), all(LONG)];

pub(super) static FETCH: Shape = Shape {
    fields: &[
        until(14, INT),
        all(INT),
        all(INT),
        all(INT),
        all(BYTE),
        since(7, INT),
        since(7, INT),
        all(array![
            until(12, TEXT),
            since(13, UUID),
            all(Kind::Array(&FETCH_PARTITION)),
        ]),
        since(
            7,
            array![until(12, TEXT), since(13, UUID), all(Kind::List(&INT))],
        ),
        since(11, TEXT),
    ],
    tagged: &[(0, TEXT), (1, Kind::Struct(&REPLICA_STATE))],
};

pub(super) static LIST_OFFSETS: Shape = shape![
    all(INT),
    since(2, BYTE),
    all(array![
        all(TEXT),
        all(array![all(INT), since(4, INT), all(LONG)])
    ]),
    since(10, INT),
];

pub(super) static CREATE_TOPICS: Shape = shape![
    all(array![
        all(TEXT),
        all(INT),
        all(SHORT),
        all(array![all(INT), all(Kind::List(&INT))]),
        all(array![all(TEXT), all(TEXT)]),
    ]),
    all(INT),
    all(BYTE),
];

pub(super) static DELETE_TOPICS: Shape = shape![
    since(6, array![all(TEXT), all(UUID)]),
    until(5, Kind::List(&TEXT)),
    all(INT),
];

pub(super) static CREATE_PARTITIONS: Shape = shape![
    all(array![
        all(TEXT),
        all(INT),
        all(array![all(Kind::List(&INT))])
    ]),
    all(INT),
    all(BYTE),
];

pub(super) static DESCRIBE_CONFIGS: Shape = shape![
    all(array![all(BYTE), all(TEXT), all(Kind::List(&TEXT))]),
    all(BYTE),
    since(3, BYTE),
];

pub(super) static ALTER_CONFIGS: Shape = shape![
    all(array![
        all(BYTE),
        all(TEXT),
        all(array![all(TEXT), all(TEXT)])
    ]),
    all(BYTE),
];

pub(super) static INCREMENTAL_ALTER_CONFIGS: Shape = shape![
    all(array![
        all(BYTE),
        all(TEXT),
        all(array![all(TEXT), all(BYTE), all(TEXT)]),
    ]),
    all(BYTE),
];

pub(super) static DELETE_RECORDS: Shape = shape![
    all(array![all(TEXT), all(array![all(INT), all(LONG)])]),
    all(INT),
];

pub(super) static FIND_COORDINATOR: Shape =
    shape![until(3, TEXT), since(1, BYTE), since(4, Kind::List(&TEXT))];

pub(super) static JOIN_GROUP: Shape = shape![
    all(TEXT),
    all(INT),
    since(1, INT),
    all(TEXT),
    since(5, TEXT),
    all(TEXT),
    all(array![all(TEXT), all(BLOB)]),
    since(8, TEXT),
];

pub(super) static SYNC_GROUP: Shape = shape![
    all(TEXT),
    all(INT),
    all(TEXT),
    since(3, TEXT),
    since(5, TEXT),
    since(5, TEXT),
    all(array![all(TEXT), all(BLOB)]),
];

pub(super) static HEARTBEAT: Shape = shape![all(TEXT), all(INT), all(TEXT), since(3, TEXT)];

pub(super) static LEAVE_GROUP: Shape = shape![
    all(TEXT),
    until(2, TEXT),
    since(3, array![all(TEXT), all(TEXT), since(5, TEXT)]),
];

pub(super) static OFFSET_COMMIT: Shape = shape![
    all(TEXT),
    all(INT),
    all(TEXT),
    since(7, TEXT),
    between(2, 4, LONG),
    all(array![
        all(TEXT),
        all(array![all(INT), all(LONG), since(6, INT), all(TEXT)]),
    ]),
];

pub(super) static OFFSET_FETCH: Shape = shape![
    until(7, TEXT),
    until(7, array![all(TEXT), all(Kind::List(&INT))]),
    since(
        8,
        array![
            all(TEXT),
            since(9, TEXT),
            since(9, INT),
            all(array![all(TEXT), all(Kind::List(&INT))]),
        ],
    ),
    since(7, BYTE),
];

pub(super) static OFFSET_DELETE: Shape =
    shape![all(TEXT), all(array![all(TEXT), all(array![all(INT)])])];

pub(super) static LIST_GROUPS: Shape =
    shape![since(4, Kind::List(&TEXT)), since(5, Kind::List(&TEXT))];

pub(super) static DESCRIBE_GROUPS: Shape = shape![all(Kind::List(&TEXT)), since(3, BYTE)];

pub(super) static DELETE_GROUPS: Shape = shape![all(Kind::List(&TEXT))];

pub(super) static CONSUMER_GROUP_HEARTBEAT: Shape = shape![
    all(TEXT),
    all(TEXT),
    all(INT),
    all(TEXT),
    all(TEXT),
    all(INT),
    all(Kind::List(&TEXT)),
    since(1, TEXT),
    all(TEXT),
    all(array![all(UUID), all(Kind::List(&INT))]),
];

pub(super) static CONSUMER_GROUP_DESCRIBE: Shape = shape![all(Kind::List(&TEXT)), all(BYTE)];

pub(super) static DESCRIBE_CLUSTER: Shape = shape![all(BYTE), since(1, BYTE), since(2, BYTE)];

pub(super) static INIT_PRODUCER_ID: Shape =
    shape![all(TEXT), all(INT), since(3, LONG), since(3, SHORT)];

pub(super) static ADD_PARTITIONS_TO_TXN: Shape = shape![
    all(TEXT),
    all(LONG),
    all(SHORT),
    all(array![all(TEXT), all(Kind::List(&INT))]),
];

pub(super) static ADD_OFFSETS_TO_TXN: Shape = shape![all(TEXT), all(LONG), all(SHORT), all(TEXT)];

pub(super) static END_TXN: Shape = shape![all(TEXT), all(LONG), all(SHORT), all(BYTE)];

pub(super) static TXN_OFFSET_COMMIT: Shape = shape![
    all(TEXT),
    all(TEXT),
    all(LONG),
    all(SHORT),
    since(3, INT),
    since(3, TEXT),
    since(3, TEXT),
    all(array![
        all(TEXT),
        all(array![all(INT), all(LONG), since(2, INT), all(TEXT)]),
    ]),
];

pub(super) static DESCRIBE_PRODUCERS: Shape = shape![all(array![all(TEXT), all(Kind::List(&INT))])];

pub(super) static DESCRIBE_TRANSACTIONS: Shape = shape![all(Kind::List(&TEXT))];

pub(super) static LIST_TRANSACTIONS: Shape = shape![
    all(Kind::List(&TEXT)),
    all(Kind::List(&LONG)),
    since(1, LONG),
    since(2, TEXT),
];

pub(super) static SASL_HANDSHAKE: Shape = shape![all(TEXT)];

pub(super) static SASL_AUTHENTICATE: Shape = shape![all(BLOB)];
