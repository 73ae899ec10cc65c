package realtime

import (
	"encoding/binary"
	"io"
	"net"

	"github.com/gorilla/websocket"
)

const (
	batchSize = 32 << 10 // bytes that go out in one write, a single longer frame excepted
	copied    = 8 << 10  // longer messages are written from where they lie
)

// Batch is what one write brings to a client: many frames, one system call.
type Batch struct {
	buf []byte
	// big is the payload of the last frame, whose header ends buf. It is shared by all sockets.
	big []byte
}

func (b *Batch) reset() { b.buf, b.big = b.buf[:0], nil }

// Full says that no more should be put in now.
func (b *Batch) Full() bool { return b.big != nil || len(b.buf) >= batchSize }

// Empty says that nothing is in it.
func (b *Batch) Empty() bool { return len(b.buf) == 0 }

// Text puts message in as one text frame. It must stay as it is until the batch is written.
func (b *Batch) Text(message []byte) {
	if len(message) > copied {
		b.buf = appendHeader(b.buf, websocket.TextMessage, len(message))
		b.big = message
		return
	}
	b.buf = appendFrame(b.buf, websocket.TextMessage, message)
}

func appendFrame(buf []byte, opcode byte, payload []byte) []byte {
	return append(appendHeader(buf, opcode, len(payload)), payload...)
}

// appendHeader begins an unmasked final frame (RFC 6455 §5.2).
func appendHeader(buf []byte, opcode byte, n int) []byte {
	buf = append(buf, 0x80|opcode)
	switch {
	case n < 126:
		return append(buf, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(buf, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(buf, 127), uint64(n))
}

// frameLength is the length, header included, of the frame that buf begins with.
func frameLength(buf []byte) int {
	switch n := buf[1]; n {
	case 126:
		return 4 + int(binary.BigEndian.Uint16(buf[2:]))
	case 127:
		return 10 + int(binary.BigEndian.Uint64(buf[2:]))
	default:
		return 2 + int(n)
	}
}

func (b *Batch) writeTo(w io.Writer) (int, error) {
	if b.big == nil {
		return w.Write(b.buf)
	}
	parts := net.Buffers{b.buf, b.big}
	n, err := parts.WriteTo(w)
	return int(n), err
}

// rest is what is missing of the frame that was cut after n bytes of the batch had gone out.
func (b *Batch) rest(n int) []byte {
	end := 0
	for end < n {
		end += frameLength(b.buf[end:])
	}
	if end <= len(b.buf) {
		return b.buf[n:end]
	}
	if n >= len(b.buf) {
		return b.big[n-len(b.buf):]
	}
	return append(append([]byte(nil), b.buf[n:]...), b.big...)
}
