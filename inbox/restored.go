package inbox

import (
	"fmt"
	"time"

	"parley/internal/jobs"

	"gorm.io/gorm"
)

const doubtAfterRestore = "Parley was restored from a backup made before this was sent; it may have been sent since"

// RestoredTx settles what a backup caught on its way out. What was due before now may have been sent by the installation that was backed
// up, after the backup: it becomes unknown and its provider is asked, as after a crash, and nothing is sent twice. What is to be sent later stays queued.
func RestoredTx(tx *gorm.DB, now time.Time) (doubtful int, err error) {
	var all []struct{ ID, ChannelID string }
	err = tx.Raw(`UPDATE messages SET status = ?, error = ?, updated_at = ? WHERE direction = ? AND (status = ? OR status = ? AND send_at <= ?) RETURNING id, channel_id`,
		Unknown, doubtAfterRestore, now.UnixMilli(), DirOutbound, Sending, Queued, now.UnixMilli()).Scan(&all).Error
	if err != nil {
		return 0, fmt.Errorf("messages on their way out: %w", err)
	}
	for _, m := range all {
		if err := enqueueFindTx(tx, m.ID, m.ChannelID, now); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// enqueueFindTx has the provider of an unknown message asked.
func enqueueFindTx(tx *gorm.DB, messageID, channelID string, now time.Time) error {
	return jobs.EnqueueTx(tx, jobs.New{Kind: jobFind, Payload: deliverJob{messageID}, RunAt: now.Add(5 * time.Second), At: now, Queue: "find:" + channelID, UniqueKey: "find:" + messageID})
}
