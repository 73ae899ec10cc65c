package inbox

import (
	"bytes"
	"encoding/binary"
	"time"
)

// audioKind recognises a recording by its first bytes, whatever it is called, and says how long it is where the header tells
// (WAV, RFC 2361); 0 otherwise.
func audioKind(head []byte, size int64) (mime string, length time.Duration, ok bool) {
	switch {
	case len(head) >= 12 && bytes.Equal(head[:4], []byte("RIFF")) && bytes.Equal(head[8:12], []byte("WAVE")):
		return "audio/wav", wavLength(head, size), true
	case len(head) >= 4 && bytes.Equal(head[:4], []byte("OggS")):
		return "audio/ogg", 0, true
	case len(head) >= 3 && bytes.Equal(head[:3], []byte("ID3")), len(head) >= 2 && head[0] == 0xff && head[1]&0xe6 == 0xe2:
		return "audio/mpeg", 0, true
	case len(head) >= 12 && bytes.Equal(head[4:8], []byte("ftyp")):
		return "audio/mp4", 0, true
	}
	return "", 0, false
}

// wavLength reads the byte rate of the fmt chunk and the size of the data chunk.
func wavLength(head []byte, size int64) time.Duration {
	var rate uint32
	for at := 12; at+8 <= len(head); {
		n := int64(binary.LittleEndian.Uint32(head[at+4:]))
		switch string(head[at : at+4]) {
		case "fmt ":
			if at+20 <= len(head) {
				rate = binary.LittleEndian.Uint32(head[at+16:])
			}
		case "data":
			if rate == 0 {
				return 0
			}
			return time.Duration(min(n, size-int64(at)-8)) * time.Second / time.Duration(rate)
		}
		next := int64(at) + 8 + n + n%2
		if next > int64(len(head)) {
			return 0
		}
		at = int(next)
	}
	return 0
}
