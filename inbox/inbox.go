// Package inbox is where every channel comes together: conversations and their messages, the only way in (Accept), the way
// out (Reply, Deliver), and what agents do with what they see.
package inbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"parley/connectors"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/jobs"
	"parley/internal/secrets"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Live is what the inbox needs of the running connectors.
type Live interface {
	// Connector is the running connector of a channel; fault.Unavailable while there is none.
	Connector(channelID string) (connectors.Connector, error)
	// Changed says that a channel was made, changed or disabled.
	Changed(channelID string)
}

// Options are what an Inbox is made of.
type Options struct {
	DB        *db.DB
	Log       *eventlog.Log
	Blobs     blob.Store
	Secrets   *secrets.Box
	Now       clock.Clock
	PublicURL string // without a trailing slash
	Factories []connectors.Factory
}

// Inbox stores and serves conversations.
type Inbox struct {
	db        *db.DB
	log       *eventlog.Log
	blobs     blob.Store
	secrets   *secrets.Box
	now       clock.Clock
	publicURL string
	factories map[string]connectors.Factory
	live      Live
	batch     *batch
	links     []byte // key of signed links
	channels  channelCache
}

// New makes an inbox. Connect it to the running connectors with Use before anything is sent.
func New(o Options) *Inbox {
	b := &Inbox{db: o.DB, log: o.Log, blobs: o.Blobs, secrets: o.Secrets, now: o.Now, publicURL: o.PublicURL, factories: map[string]connectors.Factory{}}
	for _, f := range o.Factories {
		b.factories[f.Type] = f
	}
	b.batch = newBatch(o.Log)
	b.links = o.Secrets.Derive("attachment links", 32)
	return b
}

// Use gives the inbox the running connectors.
func (b *Inbox) Use(l Live) { b.live = l }

// Run gathers concurrent items into commits until ctx ends.
func (b *Inbox) Run(ctx context.Context) error { return b.batch.run(ctx) }

// HandleJobs says how the inbox's jobs are done.
func (b *Inbox) HandleJobs(r *jobs.Runner) {
	r.Handle(jobDeliver, jobs.Kind{Do: b.deliver, Timeout: deliverTimeout + 5*time.Second, Buried: b.deliveryBuried})
	r.Handle(jobFind, jobs.Kind{Do: b.find, Timeout: 30 * time.Second})
	r.Handle(jobFetch, jobs.Kind{Do: b.fetchAttachment, Timeout: 5 * time.Minute, Buried: b.attachmentBuried})
	r.Handle(jobRecording, jobs.Kind{Do: b.fetchRecording, Timeout: 30 * time.Minute, Buried: b.recordingBuried})
	r.Handle(jobWakeUp, jobs.Kind{Do: b.wakeUp, Timeout: 10 * time.Second})
}

// forUpdate locks the rows it reads until the transaction ends, against all but the look that a foreign key takes: with a full FOR UPDATE, a
// channel's report and a commit that stores that channel's conversations waited for each other, until PostgreSQL broke the deadlock a second later.
// (SQLite has one writer and leaves it out.)
func forUpdate(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}) }

// forUpdateOf is forUpdate for the rows of one of the tables.
func forUpdateOf(tx *gorm.DB, table string) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE", Table: clause.Table{Name: table}})
}

// late is event data that is read when the transaction ends.
type late = eventlog.Late

func notFound(err error, what string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound("this %s does not exist", what)
	}
	return err
}

func logError(ctx context.Context, doing string, err error, a ...any) {
	if err != nil && ctx.Err() == nil {
		slog.ErrorContext(ctx, doing, append(a, "error", err)...)
	}
}
