// sarama on its round trip; tests/support/foreign.rs has the verbs and the answers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const patience = 30 * time.Second

var compressions = []sarama.CompressionCodec{
	sarama.CompressionNone,
	sarama.CompressionGZIP,
	sarama.CompressionSnappy,
	sarama.CompressionLZ4,
	sarama.CompressionZSTD,
}

// trip is what every verb needs: the broker.
type trip struct{ brokers []string }

func main() {
	log.SetFlags(0)
	verb, words := os.Args[1], os.Args[3:]
	t := trip{[]string{os.Args[2]}}
	var answer any
	switch verb {
	case "round-trip":
		answer = t.roundTrip(words[0], words[1])
	case "transactions":
		answer = t.transactions(words[0], words[1], words[2], must(strconv.Atoi(words[3])))
	case "delete-records":
		answer = t.deleteRecords(words[0])
	case "delete":
		answer = t.delete(words[0], words[1])
	default:
		log.Fatalf("no verb %q", verb)
	}
	fmt.Println(string(must(json.Marshal(answer))))
}

type record struct {
	Partition int32       `json:"partition"`
	Offset    int64       `json:"offset"`
	Key       string      `json:"key"`
	Value     string      `json:"value"`
	Headers   [][2]string `json:"headers"`
}

func (t trip) roundTrip(topic, group string) any {
	admin := must(sarama.NewClusterAdmin(t.brokers, config()))
	defer admin.Close()
	retention := "3600000"
	t.create(admin, topic, 3, map[string]*string{"retention.ms": &retention})
	names := []string{}
	for _, compression := range compressions {
		names = append(names, compression.String())
		messages := []*sarama.ProducerMessage{}
		for number := range 10 {
			messages = append(messages, &sarama.ProducerMessage{
				Topic: topic,
				Key:   sarama.StringEncoder(fmt.Sprintf("order-%d", number)),
				Value: sarama.StringEncoder(strings.Repeat(fmt.Sprintf("%v-%d ", compression, number), 50)),
				Headers: []sarama.RecordHeader{
					{Key: []byte("source"), Value: []byte("sarama")},
					{Key: []byte("number"), Value: fmt.Append(nil, number)},
				},
			})
		}
		producing := idempotent()
		producing.Producer.Compression = compression
		t.produce(producing, messages)
	}
	first := t.consumeAsGroup(topic, group, 10*len(compressions))
	again := []*sarama.ProducerMessage{}
	for partition := range int32(3) {
		value := sarama.StringEncoder("again")
		again = append(again, &sarama.ProducerMessage{Topic: topic, Partition: partition, Key: value, Value: value})
	}
	producing := idempotent()
	producing.Producer.Partitioner = sarama.NewManualPartitioner
	t.produce(producing, again)
	second := t.consumeAsGroup(topic, group, 3)

	topics := must(admin.DescribeTopics([]string{topic}))
	resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}}
	entries := must(admin.DescribeConfig(resource))
	groups := must(admin.DescribeConsumerGroups([]string{group}))
	committed := t.committed(topic, group)
	lag := t.offsets(topic, sarama.OffsetNewest)
	for partition, end := range lag {
		lag[partition] = end - committed[partition]
	}
	return map[string]any{
		"partitions":   len(topics[0].Partitions),
		"retention":    entries[0].Value,
		"compressions": names,
		"first_run":    first,
		"second_run":   second,
		"state":        strings.ToLower(groups[0].State),
		"committed":    committed,
		"lag":          lag,
	}
}

func (t trip) transactions(source, target, group string, count int) any {
	admin := must(sarama.NewClusterAdmin(t.brokers, config()))
	defer admin.Close()
	t.create(admin, target, 1, nil)
	producing := idempotent()
	producing.Producer.Transaction.ID = group + "-transactions"
	producer := must(sarama.NewSyncProducer(t.brokers, producing))
	answer := map[string]any{}
	// In the midst of the session, so that the group has its member.
	t.consume(source, group, count, func(_ sarama.ConsumerGroupSession, read []*sarama.ConsumerMessage) {
		transact := func(outcome string, end func() error) {
			check(producer.BeginTxn())
			for _, message := range read {
				copied := &sarama.ProducerMessage{
					Topic: target,
					Key:   sarama.ByteEncoder(message.Key),
					Value: sarama.StringEncoder(outcome),
				}
				_, _, err := producer.SendMessage(copied)
				check(err)
				check(producer.AddMessageToTxn(message, group, nil))
			}
			check(end())
		}
		transact("aborted", producer.AbortTxn)
		answer["after_abort"] = t.committed(source, group)
		transact("committed", producer.CommitTxn)
		answer["after_commit"] = t.committed(source, group)
	})
	check(producer.Close())
	answer["read_committed"] = t.readValues(target, sarama.ReadCommitted, count)
	answer["read_uncommitted"] = t.readValues(target, sarama.ReadUncommitted, count)
	return answer
}

func (t trip) deleteRecords(topic string) any {
	admin := must(sarama.NewClusterAdmin(t.brokers, config()))
	defer admin.Close()
	check(admin.DeleteRecords(topic, map[int32]int64{0: 1, 1: 1, 2: 1}))
	return map[string]any{"earliest": t.offsets(topic, sarama.OffsetOldest)}
}

func (t trip) delete(topic, group string) any {
	admin := must(sarama.NewClusterAdmin(t.brokers, config()))
	defer admin.Close()
	check(admin.DeleteConsumerGroup(group))
	check(admin.DeleteTopic(topic))
	return map[string]any{}
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	return config
}

func idempotent() *sarama.Config {
	config := config()
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Net.MaxOpenRequests = 1
	return config
}

func (t trip) create(admin sarama.ClusterAdmin, topic string, partitions int32, entries map[string]*string) {
	check(admin.CreateTopic(topic, &sarama.TopicDetail{
		NumPartitions:     partitions,
		ReplicationFactor: 1,
		ConfigEntries:     entries,
	}, false))
}

func (t trip) produce(config *sarama.Config, messages []*sarama.ProducerMessage) {
	producer := must(sarama.NewSyncProducer(t.brokers, config))
	check(producer.SendMessages(messages))
	check(producer.Close())
}

// member reads until it has enough, then does what is to be done as a member, and ends.
type member struct {
	enough int
	act    func(sarama.ConsumerGroupSession, []*sarama.ConsumerMessage)
	leave  context.CancelFunc

	lock sync.Mutex // one goroutine a partition
	read []*sarama.ConsumerMessage
}

func (m *member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, isOpen := <-claim.Messages():
			if !isOpen {
				return nil
			}
			m.add(session, message)
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) add(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.read = append(m.read, message)
	if len(m.read) == m.enough {
		m.act(session, m.read)
		m.leave()
	}
}

func (t trip) consume(
	topic, group string, enough int, act func(sarama.ConsumerGroupSession, []*sarama.ConsumerMessage),
) []*sarama.ConsumerMessage {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	consumers := must(sarama.NewConsumerGroup(t.brokers, group, config()))
	member := &member{enough: enough, act: act, leave: cancel}
	// A session ends with each rebalance.
	for ctx.Err() == nil {
		check(consumers.Consume(ctx, []string{topic}, member))
	}
	check(consumers.Close())
	if len(member.read) < enough {
		log.Panicf("%d records instead of %d", len(member.read), enough)
	}
	return member.read
}

func (t trip) consumeAsGroup(topic, group string, count int) []record {
	commit := func(session sarama.ConsumerGroupSession, read []*sarama.ConsumerMessage) {
		for _, message := range read {
			session.MarkMessage(message, "")
		}
		session.Commit()
	}
	records := []record{}
	for _, message := range t.consume(topic, group, count, commit) {
		headers := [][2]string{}
		for _, header := range message.Headers {
			headers = append(headers, [2]string{string(header.Key), string(header.Value)})
		}
		key, value := string(message.Key), string(message.Value)
		records = append(records, record{message.Partition, message.Offset, key, value, headers})
	}
	return records
}

// readValues gives all values up to the last of the committed ones, which come after the aborted ones.
func (t trip) readValues(topic string, isolation sarama.IsolationLevel, committed int) []string {
	reading := config()
	reading.Consumer.IsolationLevel = isolation
	consumer := must(sarama.NewConsumer(t.brokers, reading))
	defer consumer.Close()
	partition := must(consumer.ConsumePartition(topic, 0, sarama.OffsetOldest))
	defer partition.Close()
	late := time.After(patience)
	values := []string{}
	for committed > 0 {
		select {
		case message := <-partition.Messages():
			values = append(values, string(message.Value))
			if string(message.Value) == "committed" {
				committed--
			}
		case <-late:
			log.Panicf("only %d values", len(values))
		}
	}
	return values
}

// committed asks as a consumer does that starts: it waits for the end of transactions.
func (t trip) committed(topic, group string) map[int32]int64 {
	client := must(sarama.NewClient(t.brokers, config()))
	defer client.Close()
	offsets := must(sarama.NewOffsetManagerFromClient(group, client))
	defer offsets.Close()
	committed := map[int32]int64{}
	for _, partition := range must(client.Partitions(topic)) {
		manager := must(offsets.ManagePartition(topic, partition))
		defer manager.AsyncClose()
		if offset, _ := manager.NextOffset(); offset >= 0 {
			committed[partition] = offset
		}
	}
	return committed
}

func (t trip) offsets(topic string, time int64) map[int32]int64 {
	client := must(sarama.NewClient(t.brokers, config()))
	defer client.Close()
	offsets := map[int32]int64{}
	for partition := range int32(3) {
		offsets[partition] = must(client.GetOffset(topic, partition, time))
	}
	return offsets
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}
