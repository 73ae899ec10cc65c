package inbox

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"parley/connectors"
	"parley/internal/blob"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/jobs"
	"parley/internal/once"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

const (
	jobFetch     = "fetch_attachment"
	jobRecording = "fetch_recording"

	attachmentMost = 50 << 20  // bytes of one attachment that is fetched
	recordingMost  = 500 << 20 // bytes of a recording
	uploadMost     = 25 << 20  // bytes of an agent's upload
)

type fetchJob struct {
	AttachmentID string `json:"attachment_id"`
}

type recordingJob struct {
	CallID string `json:"call_id"`
}

// hasBlobs tells whether some of the item belongs into the blob store.
func (it *item) hasBlobs() bool {
	return len(it.Raw) > rawInRow || slices.ContainsFunc(it.Parts, func(p connectors.Attachment) bool { return p.Data != nil })
}

// putBlobs brings the item's bytes into the blob store before its transaction begins. A blob whose transaction fails is an orphan
// that nobody points at.
func (b *Inbox) putBlobs(ctx context.Context, it *item) error {
	for i, p := range it.Parts {
		if p.Data == nil {
			continue
		}
		info, err := b.blobs.Put(ctx, blob.NewKey(), bytes.NewReader(p.Data), int64(len(p.Data)))
		if err != nil {
			return fmt.Errorf("store attachment: %w", err)
		}
		a := &it.parts[i]
		a.BlobKey, a.Size, a.Sha256 = info.Key, info.Size, hex.EncodeToString(info.SHA256[:])
	}
	if len(it.Raw) > rawInRow {
		info, err := b.blobs.Put(ctx, blob.NewKey(), bytes.NewReader(it.Raw), int64(len(it.Raw)))
		if err != nil {
			return fmt.Errorf("store raw item: %w", err)
		}
		it.journal.RawBlob, it.journal.Raw = info.Key, nil
	}
	return nil
}

// fetchPartsTx has fetched what the item only pointed at.
func (b *Inbox) fetchPartsTx(tx *gorm.DB, it *item, m *Message) error {
	for _, a := range m.Parts {
		if a.State != "pending" {
			continue
		}
		err := jobs.EnqueueTx(tx, jobs.New{Kind: jobFetch, Payload: fetchJob{a.ID}, At: it.now, Queue: "media:" + it.ch.ID, UniqueKey: "fetch:" + a.ID})
		if err != nil {
			return err
		}
	}
	return nil
}

var errTooLarge = errors.New("the file is larger than this channel takes")

// store streams a provider's file into the blob store, at most most bytes, and answers its first bytes too.
func (b *Inbox) store(ctx context.Context, channelID, ref string, most int64) (info blob.Info, media connectors.Media, head []byte, err error) {
	conn, err := b.live.Connector(channelID)
	if err != nil {
		return info, media, nil, err
	}
	f, ok := conn.(connectors.MediaFetcher)
	if !ok {
		return info, media, nil, connectors.Permanent(errors.New("this channel's files can't be fetched"))
	}
	if media, err = f.Fetch(ctx, ref); err != nil {
		return info, media, nil, err
	}
	defer media.Body.Close()
	if media.Size > most {
		return info, media, nil, connectors.Permanent(errTooLarge)
	}
	key := blob.NewKey()
	peek := &headReader{r: io.LimitReader(media.Body, most+1)}
	if info, err = b.blobs.Put(ctx, key, peek, media.Size); err != nil {
		return info, media, nil, err
	}
	if info.Size > most {
		return info, media, nil, errors.Join(connectors.Permanent(errTooLarge), b.blobs.Delete(ctx, key))
	}
	return info, media, peek.head, nil
}

// headReader keeps the first bytes that pass.
type headReader struct {
	r    io.Reader
	head []byte
}

func (h *headReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if room := 4096 - len(h.head); room > 0 {
		h.head = append(h.head, p[:min(n, room)]...)
	}
	return n, err
}

// mediaVerdict turns a fetch's error into what the job does next: providers have files late, so a "not there" is asked again for hours.
func mediaVerdict(err error, attempt int) error {
	switch {
	case err == nil:
		return nil
	case connectors.IsPermanent(err), attempt >= 30:
		return jobs.Bury(err)
	}
	if after, ok := connectors.IsRetry(err); ok && after > 0 {
		return jobs.Later(err, after)
	}
	return err
}

func (b *Inbox) fetchAttachment(ctx context.Context, j jobs.Job) error {
	var p fetchJob
	if err := j.Into(&p); err != nil {
		return err
	}
	var a Attachment
	if err := b.db.Read(ctx).Where("id = ?", p.AttachmentID).Take(&a).Error; err != nil {
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		return err
	}
	if a.State != "pending" {
		return nil
	}
	var m Message
	if err := b.db.Read(ctx).Where("id = ?", a.MessageID).Take(&m).Error; err != nil {
		return err
	}
	info, media, _, err := b.store(ctx, m.ChannelID, a.FetchRef, attachmentMost)
	if err != nil {
		return mediaVerdict(err, j.Attempt)
	}
	columns := map[string]any{"state": "ready", "blob_key": info.Key, "size": info.Size, "sha256": hex.EncodeToString(info.SHA256[:])}
	if a.MimeType == "application/octet-stream" && media.MIME != "" {
		columns["mime_type"] = mimeOf(connectors.Attachment{MIME: media.MIME})
	}
	return b.updateAttachment(ctx, a, columns)
}

func (b *Inbox) updateAttachment(ctx context.Context, a Attachment, columns map[string]any) error {
	return b.log.Transaction(ctx, func(tx *gorm.DB) error {
		c, m, err := lockMessageTx(tx, a.MessageID)
		if err != nil {
			return err
		}
		if err := tx.Model(&Attachment{}).Where("id = ? AND state = 'pending'", a.ID).UpdateColumns(columns).Error; err != nil {
			return err
		}
		return b.updateMessageTx(tx, c, m, map[string]any{}, nil)
	})
}

func (b *Inbox) attachmentBuried(ctx context.Context, j jobs.Job, why error) {
	var p fetchJob
	var a Attachment
	err := j.Into(&p)
	if err == nil {
		err = b.db.Read(ctx).Where("id = ?", p.AttachmentID).Take(&a).Error
	}
	if err == nil {
		err = b.updateAttachment(ctx, a, map[string]any{"state": "failed", "problem": sanitize.Preview(why.Error(), 300)})
	}
	logError(ctx, "an attachment that can't be had could not be marked", err, "attachment", p.AttachmentID)
}

func (b *Inbox) fetchRecording(ctx context.Context, j jobs.Job) error {
	var p recordingJob
	if err := j.Into(&p); err != nil {
		return err
	}
	var call Call
	if err := b.db.Read(ctx).Where("id = ?", p.CallID).Take(&call).Error; err != nil {
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		return err
	}
	if call.RecState != "pending" {
		return nil
	}
	info, _, head, err := b.store(ctx, call.ChannelID, call.RecRef, recordingMost)
	if err != nil {
		return mediaVerdict(err, j.Attempt)
	}
	mime, length, ok := audioKind(head, info.Size)
	if !ok {
		return jobs.Bury(errors.Join(errors.New("what the provider sent is no sound file"), b.blobs.Delete(ctx, info.Key)))
	}
	return b.changeCall(ctx, call.ID, func(c *Call) {
		c.RecState, c.RecBlob, c.RecSha256, c.RecMime, c.RecSize, c.RecMs = "ready", info.Key, hex.EncodeToString(info.SHA256[:]), mime, info.Size, length.Milliseconds()
	})
}

func (b *Inbox) recordingBuried(ctx context.Context, j jobs.Job, why error) {
	var p recordingJob
	err := j.Into(&p)
	if err == nil {
		err = b.changeCall(ctx, p.CallID, func(c *Call) {
			c.RecState, c.RecProblem = "failed", sanitize.Preview(why.Error(), 300)
		})
	}
	logError(ctx, "a recording that can't be had could not be marked", err, "call", p.CallID)
}

// changeCall changes a call apart from its events.
func (b *Inbox) changeCall(ctx context.Context, id string, change func(*Call)) error {
	return b.log.Transaction(ctx, func(tx *gorm.DB) error {
		call := &Call{}
		if err := forUpdate(tx).Where("id = ?", id).Take(call).Error; err != nil {
			return err
		}
		was := *call
		change(call)
		return b.saveCallTx(tx, b.now(), call, was)
	})
}

// UploadView is an agent's file that waits to be sent.
type UploadView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	MimeType string `json:"mime_type"`
	Size     int64  `json:"size"`
}

type upload struct {
	ID        string `gorm:"primaryKey"`
	UserID    string
	Name      string
	MimeType  string
	Size      int64
	BlobKey   string
	Sha256    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (upload) TableName() string { return "uploads" }

// Upload keeps a file that its owner may attach to messages.
func (b *Inbox) Upload(ctx context.Context, name, mime string, r io.Reader) (UploadView, error) {
	info, err := b.blobs.Put(ctx, blob.NewKey(), io.LimitReader(r, uploadMost+1), -1)
	if err != nil {
		return UploadView{}, fmt.Errorf("store upload: %w", err)
	}
	if info.Size > uploadMost {
		return UploadView{}, errors.Join(fault.TooLarge("a file may have at most %d MB", uploadMost>>20), b.blobs.Delete(ctx, info.Key))
	}
	u := upload{ID: ids.New(), UserID: eventlog.ActorOf(ctx).ID, Name: sanitize.Filename(name), MimeType: mimeOf(connectors.Attachment{MIME: mime}), Size: info.Size, BlobKey: info.Key,
		Sha256: hex.EncodeToString(info.SHA256[:]), CreatedAt: b.now().UnixMilli()}
	err = b.log.Transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&u).Error; err != nil {
			return err
		}
		return once.Tx(tx, u.ID)
	})
	return UploadView{u.ID, u.Name, u.MimeType, u.Size}, err
}

// UploadOf is an upload of the one who asks.
func (b *Inbox) UploadOf(ctx context.Context, id string) (UploadView, error) {
	var u upload
	if err := b.db.Read(ctx).Where("id = ? AND user_id = ?", id, eventlog.ActorOf(ctx).ID).Take(&u).Error; err != nil {
		return UploadView{}, notFound(err, "upload")
	}
	return UploadView{u.ID, u.Name, u.MimeType, u.Size}, nil
}

// attachUploadsTx makes the author's uploads m's attachments. One upload may be attached to several messages.
func (b *Inbox) attachUploadsTx(tx *gorm.DB, m *Message, ids_ []string, userID string) error {
	for i, id := range ids_ {
		var u upload
		if err := tx.Where("id = ? AND user_id = ?", id, userID).Take(&u).Error; err != nil {
			if errors.Is(err, gorm.ErrRecordNotFound) {
				return fault.Invalid("attachments", "unknown", "there is no upload %q of yours", id)
			}
			return err
		}
		m.Parts = append(m.Parts, Attachment{ID: ids.New(), MessageID: m.ID, Position: i, Name: u.Name, MimeType: u.MimeType, Size: u.Size, BlobKey: u.BlobKey, Sha256: u.Sha256, State: "ready",
			CreatedAt: m.CreatedAt})
	}
	return nil
}

// File is an open blob with what a browser must know of it.
type File struct {
	Name, MimeType string
	Size           int64
	Modified       time.Time
	// Open gives length bytes from offset on; -1 is the rest.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// AttachmentFile and RecordingFile are what signed links lead to. They return fault.NotFound when there is nothing (any more).
func (b *Inbox) AttachmentFile(ctx context.Context, id string) (File, error) {
	var a Attachment
	if err := b.db.Read(ctx).Where("id = ? AND state = 'ready'", id).Take(&a).Error; err != nil {
		return File{}, notFound(err, "file")
	}
	return File{a.Name, a.MimeType, a.Size, time.UnixMilli(a.CreatedAt), func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return b.blobs.Open(ctx, a.BlobKey, offset, length)
	}}, nil
}

func (b *Inbox) RecordingFile(ctx context.Context, callID string) (File, error) {
	var c Call
	if err := b.db.Read(ctx).Where("id = ? AND rec_state = 'ready'", callID).Take(&c).Error; err != nil {
		return File{}, notFound(err, "recording")
	}
	return File{"call-" + c.ID + extensionOf(c.RecMime), c.RecMime, c.RecSize, time.UnixMilli(c.UpdatedAt), func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return b.blobs.Open(ctx, c.RecBlob, offset, length)
	}}, nil
}
