"""Python's confluent-kafka on its round trip; tests/support/foreign.rs has the verbs and the answers."""

import json
import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

SECONDS = 30
COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


def round_trip(broker, topic, group):
    admin = AdminClient({"bootstrap.servers": broker})
    create(admin, topic, 3, {"retention.ms": "3600000"})
    for compression in COMPRESSIONS:
        producer = idempotent_producer(broker, {"compression.type": compression})
        for number in range(10):
            producer.produce(
                topic,
                key=f"order-{number}",
                value=f"{compression}-{number} " * 50,
                headers=[("source", b"python"), ("number", str(number).encode())],
                on_delivery=delivered,
            )
        flush(producer)
    first = consume_as_group(broker, topic, group, 10 * len(COMPRESSIONS))
    producer = idempotent_producer(broker)
    for partition in range(3):
        producer.produce(topic, key="again", value="again", partition=partition, on_delivery=delivered)
    flush(producer)
    second = consume_as_group(broker, topic, group, 3)
    retention = ConfigResource(ResourceType.TOPIC, topic)
    committed = committed_offsets(admin, topic, group)
    ends = offsets(admin, topic, OffsetSpec.latest())
    return {
        "partitions": len(admin.list_topics(topic, SECONDS).topics[topic].partitions),
        "retention": result(admin.describe_configs([retention]))["retention.ms"].value,
        "compressions": COMPRESSIONS,
        "first_run": first,
        "second_run": second,
        "state": result(admin.describe_consumer_groups([group])).state.name.lower(),
        "committed": committed,
        "lag": {partition: ends[partition] - offset for partition, offset in committed.items()},
    }


def transactions(broker, source, target, group, count):
    admin = AdminClient({"bootstrap.servers": broker})
    create(admin, target, 1, {})
    consumer = subscribed(broker, source, group)
    messages = poll(consumer, int(count))
    producer = idempotent_producer(broker, {"transactional.id": f"{group}-transactions"})
    producer.init_transactions(SECONDS)
    for outcome, end in [("aborted", producer.abort_transaction), ("committed", producer.commit_transaction)]:
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, key=message.key(), value=outcome, on_delivery=delivered)
        # An abort throws away what is not sent yet.
        flush(producer)
        positions = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), SECONDS)
        end(SECONDS)
        if outcome == "aborted":
            after_abort = committed_offsets(admin, source, group)
    consumer.close()
    return {
        "after_abort": after_abort,
        "after_commit": committed_offsets(admin, source, group),
        "read_committed": read_values(broker, target, "read_committed", int(count)),
        "read_uncommitted": read_values(broker, target, "read_uncommitted", int(count)),
    }


def delete_records(broker, topic):
    admin = AdminClient({"bootstrap.servers": broker})
    for future in admin.delete_records([TopicPartition(topic, partition, 1) for partition in range(3)]).values():
        future.result(SECONDS)
    return {"earliest": offsets(admin, topic, OffsetSpec.earliest())}


def delete(broker, topic, group):
    admin = AdminClient({"bootstrap.servers": broker})
    result(admin.delete_consumer_groups([group]))
    result(admin.delete_topics([topic]))
    return {}


def create(admin, topic, partitions, config):
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
    result(admin.create_topics([new]))


def idempotent_producer(broker, more=()):
    config = {
        "bootstrap.servers": broker,
        "acks": "all",
        "enable.idempotence": True,
        # As Java's; librdkafka's own default is CRC-32.
        "partitioner": "murmur2_random",
    }
    return Producer({**config, **dict(more)})


def delivered(error, _message):
    if error is not None:
        raise RuntimeError(error)


def flush(producer):
    left = producer.flush(SECONDS)
    if left > 0:
        raise TimeoutError(f"{left} records were not delivered")


def subscribed(broker, topic, group, isolation="read_committed"):
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": isolation,
        }
    )
    consumer.subscribe([topic])
    return consumer


def poll(consumer, count):
    messages, deadline = [], time.monotonic() + SECONDS
    while len(messages) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(messages)} records instead of {count}")
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise RuntimeError(message.error())
        messages.append(message)
    return messages


def consume_as_group(broker, topic, group, count):
    consumer = subscribed(broker, topic, group)
    messages = poll(consumer, count)
    consumer.commit(asynchronous=False)
    consumer.close()
    return [record(message) for message in messages]


def record(message):
    return {
        "partition": message.partition(),
        "offset": message.offset(),
        "key": message.key().decode(),
        "value": message.value().decode(),
        "headers": [[name, value.decode()] for name, value in message.headers() or []],
    }


def read_values(broker, topic, isolation, committed):
    """All values up to the last of the committed ones, which come after the aborted ones."""
    consumer = subscribed(broker, topic, f"{topic}-{isolation}", isolation)
    values = []
    while values.count("committed") < committed:
        values.append(poll(consumer, 1)[0].value().decode())
    consumer.close()
    return values


def committed_offsets(admin, topic, group):
    """Those of a transaction come a little after its end, so it asks to wait for them."""
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition) for partition in range(3)])
    answer = result(admin.list_consumer_group_offsets([wanted], require_stable=True))
    return {str(one.partition): one.offset for one in answer.topic_partitions if one.offset >= 0}


def offsets(admin, topic, spec):
    answers = admin.list_offsets({TopicPartition(topic, partition): spec for partition in range(3)})
    return {str(partition.partition): answer.result(SECONDS).offset for partition, answer in answers.items()}


def result(futures):
    """What the one future of an admin's answer came to."""
    (future,) = futures.values()
    return future.result(SECONDS)


VERBS = {
    "round-trip": round_trip,
    "transactions": transactions,
    "delete-records": delete_records,
    "delete": delete,
}

if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    print(json.dumps(VERBS[verb](*arguments)))
