import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Java's own client on its round trip; tests/support/foreign.rs has the verbs and the answers. */
public class RoundTrip {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final List<String> COMPRESSIONS = List.of("none", "gzip", "snappy", "lz4", "zstd");

    public static void main(String[] words) throws Exception {
        var trip = new RoundTrip(words[1]);
        Object answer = switch (words[0]) {
            case "round-trip" -> trip.roundTrip(words[2], words[3]);
            case "transactions" -> trip.transactions(words[2], words[3], words[4], Integer.parseInt(words[5]));
            case "delete-records" -> trip.deleteRecords(words[2]);
            case "delete" -> trip.delete(words[2], words[3]);
            default -> throw new IllegalArgumentException(words[0]);
        };
        System.out.println(new ObjectMapper().writeValueAsString(answer));
    }

    private final String broker;

    private RoundTrip(String broker) {
        this.broker = broker;
    }

    private record Read(int partition, long offset, String key, String value, List<List<String>> headers) {
        static Read of(ConsumerRecord<String, String> record) {
            var headers = new ArrayList<List<String>>();
            record.headers().forEach(
                header -> headers.add(List.of(header.key(), new String(header.value(), StandardCharsets.UTF_8))));
            return new Read(record.partition(), record.offset(), record.key(), record.value(), headers);
        }
    }

    private Object roundTrip(String topic, String group) throws Exception {
        try (var admin = admin()) {
            create(admin, topic, 3, Map.of("retention.ms", "3600000"));
            for (String compression : COMPRESSIONS) {
                try (var producer = producer(Map.of("compression.type", compression))) {
                    for (int number = 0; number < 10; number++) {
                        var value = (compression + "-" + number + " ").repeat(50);
                        var record = new ProducerRecord<>(topic, "order-" + number, value);
                        record.headers().add("source", bytes("java")).add("number", bytes("" + number));
                        producer.send(record);
                    }
                }
            }
            var first = consumeAsGroup(topic, group, 10 * COMPRESSIONS.size());
            try (var producer = producer(Map.of())) {
                for (int partition = 0; partition < 3; partition++) {
                    producer.send(new ProducerRecord<>(topic, partition, "again", "again")).get();
                }
            }
            var second = consumeAsGroup(topic, group, 3);
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            var described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
            var state = admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState();
            var committed = committedOffsets(admin, topic, group);
            var lag = offsets(admin, topic, OffsetSpec.latest());
            lag.replaceAll((partition, end) -> end - committed.get(partition));
            return Map.of(
                "partitions", described.partitions().size(),
                "retention", config.get("retention.ms").value(),
                "compressions", COMPRESSIONS,
                "first_run", first,
                "second_run", second,
                "state", state.toString().toLowerCase(),
                "committed", committed,
                "lag", lag);
        }
    }

    private Object transactions(String source, String target, String group, int count) throws Exception {
        var answer = new HashMap<String, Object>();
        try (var admin = admin();
                var consumer = consumer(source, group, "read_committed");
                var producer = producer(Map.of("transactional.id", group + "-transactions"))) {
            create(admin, target, 1, Map.of());
            var records = poll(consumer, read -> read.size() >= count);
            producer.initTransactions();
            for (String outcome : List.of("aborted", "committed")) {
                producer.beginTransaction();
                records.forEach(record -> producer.send(new ProducerRecord<>(target, record.key(), outcome)));
                // An abort throws away what is not sent yet.
                producer.flush();
                var positions = consumer.assignment().stream().collect(Collectors.toMap(
                    Function.identity(), partition -> new OffsetAndMetadata(consumer.position(partition))));
                producer.sendOffsetsToTransaction(positions, consumer.groupMetadata());
                if (outcome.equals("aborted")) {
                    producer.abortTransaction();
                    answer.put("after_abort", committedOffsets(admin, source, group));
                } else {
                    producer.commitTransaction();
                    answer.put("after_commit", committedAtLast(admin, source, group));
                }
            }
        }
        answer.put("read_committed", readValues(target, "read_committed", count));
        answer.put("read_uncommitted", readValues(target, "read_uncommitted", count));
        return answer;
    }

    private Object deleteRecords(String topic) throws Exception {
        try (var admin = admin()) {
            var before = IntStream.range(0, 3).boxed().collect(Collectors.toMap(
                partition -> new TopicPartition(topic, partition), partition -> RecordsToDelete.beforeOffset(1)));
            admin.deleteRecords(before).all().get();
            return Map.of("earliest", offsets(admin, topic, OffsetSpec.earliest()));
        }
    }

    private Object delete(String topic, String group) throws Exception {
        try (var admin = admin()) {
            admin.deleteConsumerGroups(List.of(group)).all().get();
            admin.deleteTopics(List.of(topic)).all().get();
            return Map.of();
        }
    }

    private Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", broker));
    }

    private void create(Admin admin, String topic, int partitions, Map<String, String> config) throws Exception {
        var created = new NewTopic(topic, Optional.of(partitions), Optional.empty()).configs(config);
        admin.createTopics(List.of(created)).all().get();
    }

    private KafkaProducer<String, String> producer(Map<String, Object> more) {
        var config = new HashMap<String, Object>(more);
        config.putAll(Map.of("bootstrap.servers", broker, "acks", "all", "enable.idempotence", true));
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    private KafkaConsumer<String, String> consumer(String topic, String group, String isolation) {
        Map<String, Object> config = Map.of(
            "bootstrap.servers", broker,
            "group.id", group,
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "isolation.level", isolation);
        var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    private List<Read> poll(KafkaConsumer<String, String> consumer, Predicate<List<Read>> isEnough) {
        var records = new ArrayList<Read>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!isEnough.test(records)) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("only " + records.size() + " records");
            }
            consumer.poll(Duration.ofSeconds(1)).forEach(record -> records.add(Read.of(record)));
        }
        return records;
    }

    private List<Read> consumeAsGroup(String topic, String group, int count) {
        try (var consumer = consumer(topic, group, "read_committed")) {
            var records = poll(consumer, read -> read.size() >= count);
            consumer.commitSync();
            return records;
        }
    }

    /** All values up to the last of the committed ones, which come after the aborted ones. */
    private List<String> readValues(String topic, String isolation, int committed) {
        try (var consumer = consumer(topic, topic + "-" + isolation, isolation)) {
            Predicate<List<Read>> isEnough =
                read -> read.stream().filter(record -> record.value().equals("committed")).count() >= committed;
            return poll(consumer, isEnough).stream().map(Read::value).toList();
        }
    }

    /** Those of a transaction come a little after its end, so it asks to wait for them. */
    /** Those of a transaction come a little after its end, and a busy broker does not always say that they are to come. */
    private Map<Integer, Long> committedAtLast(Admin admin, String topic, String group) throws Exception {
        var end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        var committed = committedOffsets(admin, topic, group);
        while (committed.isEmpty() && System.nanoTime() < end) {
            Thread.sleep(50);
            committed = committedOffsets(admin, topic, group);
        }
        return committed;
    }

    private Map<Integer, Long> committedOffsets(Admin admin, String topic, String group) throws Exception {
        var partitions = IntStream.range(0, 3).mapToObj(partition -> new TopicPartition(topic, partition)).toList();
        var wanted = Map.of(group, new ListConsumerGroupOffsetsSpec().topicPartitions(partitions));
        var options = new ListConsumerGroupOffsetsOptions().requireStable(true);
        var answer = admin.listConsumerGroupOffsets(wanted, options).partitionsToOffsetAndMetadata(group).get();
        var committed = new TreeMap<Integer, Long>();
        answer.forEach((partition, offset) -> {
            if (offset != null) {
                committed.put(partition.partition(), offset.offset());
            }
        });
        return committed;
    }

    private Map<Integer, Long> offsets(Admin admin, String topic, OffsetSpec spec) throws Exception {
        var wanted = IntStream.range(0, 3).boxed().collect(
            Collectors.toMap(partition -> new TopicPartition(topic, partition), partition -> spec));
        var offsets = new TreeMap<Integer, Long>();
        admin.listOffsets(wanted).all().get().forEach(
            (partition, found) -> offsets.put(partition.partition(), found.offset()));
        return offsets;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
