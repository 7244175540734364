// franz-go on its round trip; tests/support/foreign.rs has the verbs and the answers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

type compression struct {
	name  string
	codec kgo.CompressionCodec
}

var compressions = []compression{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

// trip is what every verb needs.
type trip struct {
	ctx    context.Context
	broker string
}

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	verb, words := os.Args[1], os.Args[3:]
	t := trip{ctx, os.Args[2]}
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
	admin := kadm.NewClient(t.client())
	defer admin.Close()
	retention := "3600000"
	must(admin.CreateTopic(t.ctx, 3, 1, map[string]*string{"retention.ms": &retention}, topic))
	names := []string{}
	for _, compression := range compressions {
		names = append(names, compression.name)
		records := []*kgo.Record{}
		for number := range 10 {
			records = append(records, &kgo.Record{
				Topic: topic,
				Key:   fmt.Appendf(nil, "order-%d", number),
				Value: []byte(strings.Repeat(fmt.Sprintf("%s-%d ", compression.name, number), 50)),
				Headers: []kgo.RecordHeader{
					{Key: "source", Value: []byte("franz-go")},
					{Key: "number", Value: fmt.Append(nil, number)},
				},
			})
		}
		t.produce(records, kgo.ProducerBatchCompression(compression.codec))
	}
	first := t.consumeAsGroup(topic, group, 10*len(compressions))
	again := []*kgo.Record{}
	for partition := range int32(3) {
		again = append(again, &kgo.Record{Topic: topic, Partition: partition, Key: []byte("again"), Value: []byte("again")})
	}
	t.produce(again, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	second := t.consumeAsGroup(topic, group, 3)

	topics := must(admin.ListTopics(t.ctx, topic))
	configs := must(must(admin.DescribeTopicConfigs(t.ctx, topic)).On(topic, nil))
	described := ""
	for _, config := range configs.Configs {
		if config.Key == "retention.ms" {
			described = config.MaybeValue()
		}
	}
	lags := must(admin.Lag(t.ctx, group))
	lag := map[int32]int64{}
	for partition, found := range lags[group].Lag[topic] {
		lag[partition] = found.Lag
	}
	return map[string]any{
		"partitions":   len(topics[topic].Partitions),
		"retention":    described,
		"compressions": names,
		"first_run":    first,
		"second_run":   second,
		"state":        strings.ToLower(lags[group].State),
		"committed":    t.committed(admin, topic, group),
		"lag":          lag,
	}
}

func (t trip) transactions(source, target, group string, count int) any {
	admin := kadm.NewClient(t.client())
	defer admin.Close()
	must(admin.CreateTopic(t.ctx, 1, 1, nil, target))
	session := must(kgo.NewGroupTransactSession(append(t.groupOptions(source, group),
		kgo.TransactionalID(group+"-transactions"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
	)...))
	answer := map[string]any{}
	end := func(outcome string, commit kgo.TransactionEndTry) {
		// What was aborted is read once more.
		read := t.poll(session.PollFetches, func(read []*kgo.Record) bool { return len(read) >= count })
		check(session.Begin())
		copies := []*kgo.Record{}
		for _, record := range read {
			copies = append(copies, &kgo.Record{Topic: target, Key: record.Key, Value: []byte(outcome)})
		}
		check(session.ProduceSync(t.ctx, copies...).FirstErr())
		if committed := must(session.End(t.ctx, commit)); committed != bool(commit) {
			log.Fatalf("a transaction that was to be %s ended as %v", outcome, committed)
		}
	}
	end("aborted", kgo.TryAbort)
	answer["after_abort"] = t.committed(admin, source, group)
	end("committed", kgo.TryCommit)
	answer["after_commit"] = t.committedAtLast(admin, source, group)
	session.Close()
	answer["read_committed"] = t.readValues(target, kgo.ReadCommitted(), count)
	answer["read_uncommitted"] = t.readValues(target, kgo.ReadUncommitted(), count)
	return answer
}

func (t trip) deleteRecords(topic string) any {
	admin := kadm.NewClient(t.client())
	defer admin.Close()
	before := kadm.Offsets{}
	for partition := range int32(3) {
		before.AddOffset(topic, partition, 1, -1)
	}
	check(must(admin.DeleteRecords(t.ctx, before)).Error())
	earliest := map[int32]int64{}
	must(admin.ListStartOffsets(t.ctx, topic)).Each(func(found kadm.ListedOffset) {
		check(found.Err)
		earliest[found.Partition] = found.Offset
	})
	return map[string]any{"earliest": earliest}
}

func (t trip) delete(topic, group string) any {
	admin := kadm.NewClient(t.client())
	defer admin.Close()
	check(must(admin.DeleteGroups(t.ctx, group)).Error())
	check(must(admin.DeleteTopics(t.ctx, topic)).Error())
	return map[string]any{}
}

func (t trip) client(options ...kgo.Opt) *kgo.Client {
	return must(kgo.NewClient(append(options, kgo.SeedBrokers(t.broker))...))
}

// produce sends idempotently and waits for all replicas, as franz-go does unless told otherwise.
func (t trip) produce(records []*kgo.Record, options ...kgo.Opt) {
	client := t.client(options...)
	defer client.Close()
	check(client.ProduceSync(t.ctx, records...).FirstErr())
}

func (t trip) groupOptions(topic, group string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(t.broker),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
}

func (t trip) consumeAsGroup(topic, group string, count int) []record {
	client := t.client(append(t.groupOptions(topic, group), kgo.DisableAutoCommit())...)
	defer client.Close()
	read := t.poll(client.PollFetches, func(read []*kgo.Record) bool { return len(read) >= count })
	check(client.CommitUncommittedOffsets(t.ctx))
	records := []record{}
	for _, found := range read {
		headers := [][2]string{}
		for _, header := range found.Headers {
			headers = append(headers, [2]string{header.Key, string(header.Value)})
		}
		records = append(records, record{found.Partition, found.Offset, string(found.Key), string(found.Value), headers})
	}
	return records
}

// readValues gives all values up to the last of the committed ones, which come after the aborted ones.
func (t trip) readValues(topic string, isolation kgo.IsolationLevel, committed int) []string {
	client := t.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(isolation))
	defer client.Close()
	values := []string{}
	t.poll(client.PollFetches, func(read []*kgo.Record) bool {
		values = values[:0]
		found := 0
		for _, record := range read {
			values = append(values, string(record.Value))
			if string(record.Value) == "committed" {
				found++
			}
		}
		return found >= committed
	})
	return values
}

func (t trip) poll(fetches func(context.Context) kgo.Fetches, isEnough func([]*kgo.Record) bool) []*kgo.Record {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	read := []*kgo.Record{}
	for !isEnough(read) {
		fetched := fetches(ctx)
		check(fetched.Err())
		read = append(read, fetched.Records()...)
	}
	return read
}

func (t trip) committed(admin *kadm.Client, topic, group string) map[int32]int64 {
	offsets := map[int32]int64{}
	for partition, offset := range must(admin.FetchOffsets(t.ctx, group))[topic] {
		check(offset.Err)
		offsets[partition] = offset.At
	}
	return offsets
}

// committedAtLast waits for the offsets of a transaction, which come a little after its end: kadm asks for all that
// the group has, and those are not among it until then.
func (t trip) committedAtLast(admin *kadm.Client, topic, group string) map[int32]int64 {
	for {
		check(t.ctx.Err())
		if offsets := t.committed(admin, topic, group); len(offsets) > 0 {
			return offsets
		}
		time.Sleep(20 * time.Millisecond)
	}
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
