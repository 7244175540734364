// kafkajs on its round trip; tests/support/foreign.rs has the verbs and the answers.

const { Kafka, CompressionTypes, ConfigResourceTypes, logLevel } = require("kafkajs");

const PATIENCE = 30_000; // milliseconds
// The others are packages of their own.
const COMPRESSIONS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP };

async function roundTrip(broker, topic, group) {
  const kafka = client(broker);
  const configEntries = [{ name: "retention.ms", value: "3600000" }];
  await withAdmin(kafka, (admin) => create(admin, { topic, numPartitions: 3, configEntries }));
  for (const [name, compression] of Object.entries(COMPRESSIONS)) {
    const messages = numbers(10).map((number) => ({
      key: `order-${number}`,
      value: `${name}-${number} `.repeat(50),
      headers: { source: "kafkajs", number: String(number) },
    }));
    await send(kafka, { topic, compression, messages });
  }
  const first = await consumeAsGroup(kafka, topic, group, 10 * Object.keys(COMPRESSIONS).length);
  const again = numbers(3).map((partition) => ({ key: "again", value: "again", partition }));
  await send(kafka, { topic, messages: again });
  const second = await consumeAsGroup(kafka, topic, group, 3);
  return withAdmin(kafka, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: ["retention.ms"] };
    const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
    const { groups } = await admin.describeGroups([group]);
    const committed = await committedOffsets(admin, topic, group);
    const ends = await admin.fetchTopicOffsets(topic);
    return {
      partitions: topics[0].partitions.length,
      retention: resources[0].configEntries[0].configValue,
      compressions: Object.keys(COMPRESSIONS),
      first_run: first,
      second_run: second,
      state: groups[0].state.toLowerCase(),
      committed,
      lag: byPartition(ends, ({ partition, high }) => Number(high) - committed[partition]),
    };
  });
}

async function transactions(broker, source, target, group, count) {
  const kafka = client(broker);
  await withAdmin(kafka, (admin) => create(admin, { topic: target, numPartitions: 1 }));
  const consumed = await consume(kafka, source, group, (records) => records.length >= Number(count));
  const producer = kafka.producer({ transactionalId: `${group}-transactions`, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  let afterAbort;
  for (const outcome of ["aborted", "committed"]) {
    const transaction = await producer.transaction();
    const messages = consumed.records.map(({ key }) => ({ key, value: outcome }));
    await transaction.send({ topic: target, messages });
    const partitions = positions(consumed.records);
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic: source, partitions }] });
    if (outcome === "aborted") {
      await transaction.abort();
      afterAbort = await withAdmin(kafka, (admin) => committedOffsets(admin, source, group));
    } else {
      await transaction.commit();
    }
  }
  await producer.disconnect();
  await consumed.consumer.disconnect();
  return {
    after_abort: afterAbort,
    after_commit: await withAdmin(kafka, (admin) => stableOffsets(admin, source, group)),
    read_committed: await readValues(kafka, target, false, Number(count)),
    read_uncommitted: await readValues(kafka, target, true, Number(count)),
  };
}

async function deleteRecords(broker, topic) {
  return withAdmin(client(broker), async (admin) => {
    // It deletes only from topics that it has asked about.
    await admin.fetchTopicOffsets(topic);
    const partitions = numbers(3).map((partition) => ({ partition, offset: "1" }));
    await admin.deleteTopicRecords({ topic, partitions });
    const offsets = await admin.fetchTopicOffsets(topic);
    return { earliest: byPartition(offsets, ({ low }) => Number(low)) };
  });
}

async function deleteAll(broker, topic, group) {
  await withAdmin(client(broker), async (admin) => {
    await admin.deleteGroups([group]);
    await admin.deleteTopics({ topics: [topic] });
  });
  return {};
}

function client(broker) {
  return new Kafka({ clientId: "eda-test", brokers: [broker], logLevel: logLevel.ERROR });
}

async function withAdmin(kafka, act) {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.disconnect();
  }
}

async function create(admin, topic) {
  if (!(await admin.createTopics({ topics: [{ replicationFactor: 1, ...topic }], waitForLeaders: true }))) {
    throw new Error(`topic ${topic.topic} was there already`);
  }
}

async function send(kafka, batch) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  await producer.send({ acks: -1, ...batch });
  await producer.disconnect();
}

// A consumer of a group that has read enough, and what it has read; it commits nothing by itself.
async function consume(kafka, topic, group, isEnough, readUncommitted = false) {
  // It leaves when the fetch on its way is answered, after 5 seconds unless told otherwise.
  const consumer = kafka.consumer({ groupId: group, readUncommitted, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const records = [];
  await new Promise((resolve, reject) => {
    const late = () => reject(new Error(`only ${records.length} records`));
    const deadline = setTimeout(late, PATIENCE);
    const eachMessage = async ({ partition, message }) => {
      records.push(record(partition, message));
      if (isEnough(records)) {
        clearTimeout(deadline);
        resolve();
      }
    };
    consumer.run({ autoCommit: false, eachMessage }).catch(reject);
  });
  return { consumer, records };
}

async function consumeAsGroup(kafka, topic, group, count) {
  const { consumer, records } = await consume(kafka, topic, group, (records) => records.length >= count);
  await consumer.commitOffsets(positions(records).map((position) => ({ topic, ...position })));
  await consumer.disconnect();
  return records;
}

// All values up to the last of the committed ones, which come after the aborted ones.
async function readValues(kafka, topic, readUncommitted, committed) {
  const isEnough = (records) => records.filter(({ value }) => value === "committed").length >= committed;
  const { consumer, records } = await consume(kafka, topic, `${topic}-${readUncommitted}`, isEnough, readUncommitted);
  await consumer.disconnect();
  return records.map(({ value }) => value);
}

function record(partition, { offset, key, value, headers }) {
  const pairs = Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()]);
  return { partition, offset: Number(offset), key: key.toString(), value: value.toString(), headers: pairs };
}

// Where each partition is to be gone on with.
function positions(records) {
  const next = new Map();
  for (const { partition, offset } of records) {
    next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1));
  }
  return [...next].map(([partition, offset]) => ({ partition, offset: String(offset) }));
}

async function committedOffsets(admin, topic, group) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  const committed = partitions.filter(({ offset }) => Number(offset) >= 0);
  return byPartition(committed, ({ offset }) => Number(offset));
}

// Those of a transaction come a little after its end, and kafkajs cannot ask to wait for them.
async function stableOffsets(admin, topic, group) {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; ) {
    const committed = await committedOffsets(admin, topic, group);
    if (Object.keys(committed).length > 0) {
      return committed;
    }
  }
  throw new Error("nothing was committed");
}

function byPartition(items, value) {
  return Object.fromEntries(items.map((item) => [item.partition, value(item)]));
}

function numbers(count) {
  return [...Array(count).keys()];
}

const VERBS = { "round-trip": roundTrip, transactions, "delete-records": deleteRecords, delete: deleteAll };
const [verb, ...words] = process.argv.slice(2);
VERBS[verb](...words).then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
