// Package archive writes a whole installation into one file while it serves, and fills an empty one from it. The file is the same
// whichever databases are at its two ends.
//
// It is a gzip'ed tar whose members come in this order:
//
//	head.json                  who made it, and what is needed to read it (Head)
//	rows/TABLE.NNNN.ndjson     the rows of a table, one JSON object per line, some megabytes per member; tables in the order of their references
//	blobs/KEY                  the blobs that the rows name
//	lists/NNNN.ndjson          after each some thousand blobs: their keys, sizes and SHA-256
//	manifest.json              counts, and size and SHA-256 of every member but the blobs (Manifest)
//
// Credentials in the rows stay sealed, and the key is not in it.
package archive

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"parley/internal/blob"
)

// Format is the newest layout that this program writes and reads.
const Format = 1

const (
	headName     = "head.json"
	manifestName = "manifest.json"
	rowsFolder   = "rows/"
	blobsFolder  = "blobs/"
	listsFolder  = "lists/"
)

// Head says what is needed to read a backup.
type Head struct {
	Format    int       `json:"format"`
	Schema    int64     `json:"schema"` // version of the database's schema
	Parley    string    `json:"parley"` // version of the program that made it
	CreatedAt time.Time `json:"created_at"`
	Key       string    `json:"key"` // fingerprint of the key that sealed the credentials in it
}

// Manifest says what is in a backup.
type Manifest struct {
	Head
	Tables    map[string]int64 `json:"tables"` // rows of each
	Blobs     int64            `json:"blobs"`
	BlobBytes int64            `json:"blob_bytes"`
	// Missing are blobs that rows name and the store did not have; Changed are in the backup but are not what was stored once.
	Missing []string `json:"missing_blobs"`
	Changed []string `json:"changed_blobs"`
	Members []Member `json:"members"` // in their order; blobs are in the lists
}

// Member is one file in the backup.
type Member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// listed is a line of a list.
type listed struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// IncompleteError is what Write returns when the backup was written but the blob store no longer had all that the rows name.
type IncompleteError struct{ Missing, Changed []string }

func (e *IncompleteError) Error() string {
	var parts []string
	if n := len(e.Missing); n > 0 {
		parts = append(parts, fmt.Sprintf("%d files are named in the database and missing in the blob store (%s)", n, some(e.Missing)))
	}
	if n := len(e.Changed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d files in the blob store are not what was stored once (%s)", n, some(e.Changed)))
	}
	return "the backup holds all there is, but " + strings.Join(parts, "; ")
}

func some(keys []string) string {
	if len(keys) > 5 {
		return strings.Join(keys[:5], ", ") + " …; the manifest names all"
	}
	return strings.Join(keys, ", ")
}

var rowsName = regexp.MustCompile(`^rows/([a-z][a-z0-9_]*)\.[0-9]{4,9}\.ndjson$`)
var listName = regexp.MustCompile(`^lists/[0-9]{4,9}\.ndjson$`)

// tableOf is the table whose rows a member holds, "" for another kind of member.
func tableOf(member string) string {
	if m := rowsName.FindStringSubmatch(member); m != nil {
		return m[1]
	}
	return ""
}

// blobOf is the key of the blob that a member holds, "" for another kind of member.
func blobOf(member string) string {
	if key, ok := strings.CutPrefix(member, blobsFolder); ok && blob.IsKey(key) {
		return key
	}
	return ""
}

var errNotOurs = errors.New("this is no backup that `parley backup` made")

func damaged(member string) error {
	return fmt.Errorf("the backup is damaged: %s in it is not what it was when it was made", member)
}
