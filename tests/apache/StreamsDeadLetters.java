import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;

/**
 * Kafka Streams with a dead-letter queue (KIP-1034): copies INPUT to OUTPUT, and fails at values that say "declined".
 * Runs until it is ended.
 */
class StreamsDeadLetters {
    public static void main(String[] arguments) throws InterruptedException {
        var properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        properties.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, arguments[4]);
        properties.put(
                StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueProcessingExceptionHandler.class);
        properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        properties.put(StreamsConfig.STATE_DIR_CONFIG, arguments[5]);
        properties.put("auto.offset.reset", "earliest");
        var builder = new StreamsBuilder();
        builder.<String, String>stream(arguments[2])
                .mapValues(
                        value -> {
                            if (value.contains("declined")) {
                                throw new IllegalArgumentException("the card was declined");
                            }
                            return value;
                        })
                .to(arguments[3]);
        var streams = new KafkaStreams(builder.build(), properties);
        streams.start();
        new CountDownLatch(1).await();
    }
}
