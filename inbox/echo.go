package inbox

import (
	"errors"
	"time"

	"parley/crm"
	"parley/internal/db"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// What comes in that is no new word of a customer: edits, reports about our own mail, answers that one of us wrote elsewhere.

// acceptEditTx changes an earlier message and keeps what it said. An edit of a message that never came is the message.
func (b *Inbox) acceptEditTx(tx *gorm.DB, s *sight, it *item) error {
	if err := db.FlushTx(tx); err != nil { // what it changes may have come in the same moment
		return err
	}
	m := &Message{}
	err := forUpdate(tx).Where("channel_id = ? AND provider_id = ? AND provider_id <> '' AND direction = ?", it.ch.ID, it.Edit.ProviderID, DirInbound).Take(m).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		if it.Edit.Deleted {
			it.journal.Reason = "the deleted message never came"
			return nil
		}
		it.ProviderID = it.Edit.ProviderID
		return b.acceptMessageTx(tx, s, it)
	}
	if err != nil {
		return err
	}
	conv, err := lockTx(tx.Where("id = ?", m.ConversationID))
	if err != nil {
		return err
	}
	it.journal.MessageID, it.journal.ConversationID, it.journal.ContactID = m.ID, conv.ID, m.ContactID
	if it.Edit.Deleted {
		m.DeletedAt = it.now.UnixMilli()
		return b.updateMessageTx(tx, conv, m, map[string]any{"deleted_at": m.DeletedAt}, nil)
	}
	old := m.BodyText
	m.Edits = append(m.Edits, EditView{At: it.now.UTC().Truncate(time.Millisecond), BodyText: old})
	m.BodyText, m.BodyVisible = it.Text, it.Visible
	if err := b.updateMessageTx(tx, conv, m, map[string]any{"body_text": m.BodyText, "body_visible": m.BodyVisible, "edits": m.Edits}, map[string]eventlog.Change{"body_text": {From: old, To: it.Text}}); err != nil {
		return err
	}
	if conv.LastID != m.ID {
		return nil
	}
	before := conv.snapshot()
	conv.LastPreview = previewOf(m)
	return b.saveTx(tx, conv, before)
}

// acceptReportTx keeps a bounce, a receipt or a loop: it is nobody's message, and only noted at the message it is about. What it
// says of the delivery came through Delivered.
func (b *Inbox) acceptReportTx(tx *gorm.DB, it *item) error {
	it.journal.Reason = string(it.Auto)
	if len(it.Thread.ReplyTo) == 0 {
		return nil
	}
	var m Message
	if err := db.FlushTx(tx); err != nil {
		return err
	}
	err := tx.Where("channel_id = ? AND provider_id IN ? AND provider_id <> ''", it.ch.ID, it.Thread.ReplyTo).Order("n DESC").Take(&m).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	it.journal.MessageID, it.journal.ConversationID = m.ID, m.ConversationID
	return err
}

// acceptOutgoingTx shows an answer that one of us wrote elsewhere, in the thread it belongs to.
func (b *Inbox) acceptOutgoingTx(tx *gorm.DB, it *item) error {
	var ours int64
	if err := db.FlushTx(tx); err != nil {
		return err
	}
	if err := tx.Model(&Message{}).Where("channel_id = ? AND provider_id = ? AND provider_id <> ''", it.ch.ID, it.ProviderID).Count(&ours).Error; err != nil {
		return err
	}
	if ours > 0 {
		it.journal.State, it.journal.Reason = Duplicate, "our own message, seen again in the Sent folder"
		return nil
	}
	conv, err := b.byReferencesTx(tx, it, func(*Conversation) (bool, error) { return true, nil })
	if err != nil {
		return err
	}
	if conv == nil {
		it.journal.Reason = "written elsewhere, and it answers nothing that is here"
		return nil
	}
	before := conv.snapshot()
	m := b.inboundMessage(it, conv, &crm.Contact{ID: conv.ContactID})
	m.Direction, m.Status, m.AuthorType, m.AuthorID, m.AuthorName = DirOutbound, Sent, "user", "", it.Sender.Name
	if m.CreatedAt >= conv.LastAt { // else somebody has written since
		conv.answered(m)
	}
	it.journal.ConversationID = conv.ID
	if err := b.createMessageTx(tx, conv, m); err != nil {
		return err
	}
	return b.saveTx(tx, conv, before)
}
